/** The files that libcrypto (OpenSSL 3 or 1.1) may be. */

/** Where to look, best first. */
export const libcryptoNames: readonly string[] = [
  "libcrypto.so.3",
  "libcrypto.so.1.1",
  "libcrypto.3.dylib",
  "/opt/homebrew/opt/openssl@3/lib/libcrypto.3.dylib",
  "/usr/local/opt/openssl@3/lib/libcrypto.3.dylib",
];
