# Functions that the other scripts source.

MAX_RETRY=10
DELAY=1

verifyResult() {
  if [ "$1" -ne 0 ]; then
    echo "!!!!!!!!!!!!!!! $2 !!!!!!!!!!!!!!!!" >&2
    cat log.txt >&2
    exit 1
  fi
}

# setGlobals PEER ORG: whoever runs `peer` next is the administrator of ORG and talks to this peer.
setGlobals() {
  local peer=$1 org=$2 address
  local folder="$CRYPTO/peerOrganizations/org$org.example.com"
  eval "address=\$PEER${peer}_ORG${org}"
  export CORE_PEER_LOCALMSPID="Org${org}MSP"
  export CORE_PEER_ADDRESS="$address"
  export CORE_PEER_TLS_ENABLED=true
  export CORE_PEER_TLS_ROOTCERT_FILE="$folder/peers/peer0.org$org.example.com/tls/ca.crt"
  export CORE_PEER_MSPCONFIGPATH="$folder/users/Admin@org$org.example.com/msp"
}

# parsePeerConnectionParameters PEER ORG [PEER ORG ...]: sets PEER_CONN_PARMS
parsePeerConnectionParameters() {
  PEER_CONN_PARMS=""
  while [ "$#" -gt 0 ]; do
    setGlobals "$1" "$2"
    PEER_CONN_PARMS="$PEER_CONN_PARMS --peerAddresses $CORE_PEER_ADDRESS"
    PEER_CONN_PARMS="$PEER_CONN_PARMS --tlsRootCertFiles $CORE_PEER_TLS_ROOTCERT_FILE"
    shift 2
  done
}

createChannel() {
  setGlobals 0 1
  peer channel create -o "$ORDERER" -c "$CHANNEL" -f "$ARTIFACTS/channel.tx" \
    --tls $CORE_PEER_TLS_ENABLED --cafile "$ORDERER_CA" >log.txt 2>&1
  verifyResult $? "Channel creation failed"
  test -f "$CHANNEL.block"
  verifyResult $? "Channel creation left no block"
  echo "channel $CHANNEL created"
}

joinChannelWithRetry() {
  local attempt=1
  setGlobals "$1" "$2"
  until peer channel join -b "$CHANNEL.block" >log.txt 2>&1; do
    [ "$attempt" -lt "$MAX_RETRY" ]
    verifyResult $? "peer$1.org$2 could not join after $attempt attempts"
    attempt=$((attempt + 1))
    sleep $DELAY
  done
  echo "peer$1.org$2 joined"
}

updateAnchorPeers() {
  setGlobals 0 "$1"
  peer channel signconfigtx -f "$ARTIFACTS/${CORE_PEER_LOCALMSPID}anchors.tx" >log.txt 2>&1
  verifyResult $? "Signing the anchor peer update failed"
  peer channel update -o "$ORDERER" -c "$CHANNEL" -f "$ARTIFACTS/${CORE_PEER_LOCALMSPID}anchors.tx" \
    --tls $CORE_PEER_TLS_ENABLED --cafile "$ORDERER_CA" >log.txt 2>&1
  verifyResult $? "Anchor peer update failed"
  echo "anchor peer of $CORE_PEER_LOCALMSPID set"
}

# installChaincode PEER ORG VERSION
installChaincode() {
  setGlobals "$1" "$2"
  peer chaincode install -n mycc -v "$3" -l node -p "$CHAINCODE_PATH" >log.txt 2>&1
  verifyResult $? "Installation on peer$1.org$2 failed"
  grep -q "status:200" log.txt
  verifyResult $? "Installation on peer$1.org$2 said nothing of status 200"
  echo "mycc $3 installed on peer$1.org$2"
}

# instantiateChaincode PEER ORG
instantiateChaincode() {
  setGlobals "$1" "$2"
  peer chaincode instantiate -o "$ORDERER" --tls $CORE_PEER_TLS_ENABLED --cafile "$ORDERER_CA" \
    -C "$CHANNEL" -n mycc -l node -v 1.0 -c '{"Args":["init"]}' \
    -P "AND ('Org1MSP.peer','Org2MSP.peer')" >log.txt 2>&1
  verifyResult $? "Instantiation on peer$1.org$2 failed"
  echo "mycc instantiated"
}

# upgradeChaincode PEER ORG
upgradeChaincode() {
  setGlobals "$1" "$2"
  peer chaincode upgrade -o "$ORDERER" --tls $CORE_PEER_TLS_ENABLED --cafile "$ORDERER_CA" \
    -C "$CHANNEL" -n mycc -v 2.0 -c '{"Args":["init"]}' \
    -P "OR ('Org1MSP.peer','Org2MSP.peer')" >log.txt 2>&1
  verifyResult $? "Upgrade on peer$1.org$2 failed"
  echo "mycc upgraded"
}

# chaincodeQuery PEER ORG ARGS EXPECTED: polls, since the peer may not have the last block yet
chaincodeQuery() {
  local attempt=1 value
  setGlobals "$1" "$2"
  while true; do
    value=$(peer chaincode query -C "$CHANNEL" -n mycc -c "$3" 2>log.txt)
    [ "$value" = "$4" ] && break
    echo "peer$1.org$2 answers '$value', not '$4'" >>log.txt
    [ "$attempt" -lt "$MAX_RETRY" ]
    verifyResult $? "Query of peer$1.org$2 failed after $attempt attempts"
    attempt=$((attempt + 1))
    sleep $DELAY
  done
  echo "peer$1.org$2: $value"
}

# chaincodeInvoke ARGS PEER ORG [PEER ORG ...]
chaincodeInvoke() {
  local args=$1
  shift
  parsePeerConnectionParameters "$@"
  # shellcheck disable=SC2086
  peer chaincode invoke -o "$ORDERER" --tls $CORE_PEER_TLS_ENABLED --cafile "$ORDERER_CA" \
    -C "$CHANNEL" -n mycc $PEER_CONN_PARMS -c "$args" >log.txt 2>&1
  verifyResult $? "Invocation failed"
  grep -q "Chaincode invoke successful. result: status:200" log.txt
  verifyResult $? "Invocation said nothing of success"
  echo "invoked $args"
}

# fetchChannelConfig ORG FILE
fetchChannelConfig() {
  setGlobals 0 "$1"
  peer channel fetch config "$2" -o "$ORDERER" -c "$CHANNEL" --tls --cafile "$ORDERER_CA" \
    >log.txt 2>&1
  verifyResult $? "Fetching the configuration failed"
  echo "configuration fetched: $(grep -o 'Received block: [0-9]*' log.txt | tail -1)"
}
