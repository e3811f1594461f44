/** Which Denim this is, and which Fabric it speaks. */
export const denimVersion = "0.1.0";
export const fabricVersion = "1.4.2";
