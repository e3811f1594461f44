#!/bin/sh
# Makes /chaincode/output/chaincode.jar of the project in /chaincode/input/src, with Gradle or Maven:
# what a peer asks of the image that chaincode.java.runtime names.
set -e

project=/chaincode/input/src
work=$(mktemp -d)
cp -R "$project/." "$work"
cd "$work"
if [ -f build.gradle ] || [ -f build.gradle.kts ]; then
  echo "Gradle build"
  gradle build shadowJar -x test
  cp build/libs/chaincode.jar /chaincode/output/
elif [ -f pom.xml ]; then
  echo "Maven build"
  mvn -B package -Dmaven.test.skip=true
  cp target/chaincode.jar /chaincode/output/
else
  echo "neither build.gradle nor pom.xml is in the chaincode" >&2
  exit 255
fi
