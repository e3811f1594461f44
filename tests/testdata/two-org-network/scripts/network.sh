#!/bin/bash
# From nothing to an upgraded chaincode on three peers of two organisations.
. "$(dirname "$0")/utils.sh"

createChannel
joinChannelWithRetry 0 1
joinChannelWithRetry 1 1
joinChannelWithRetry 0 2
updateAnchorPeers 1
updateAnchorPeers 2

installChaincode 0 1 1.0
installChaincode 0 2 1.0
instantiateChaincode 0 2
chaincodeQuery 0 1 '{"Args":["list"]}' '[]'
chaincodeInvoke '{"Args":["create","car1","alice","100"]}' 0 1 0 2
chaincodeQuery 0 1 '{"Args":["read","car1"]}' '{"id":"car1","owner":"alice","value":100}'
installChaincode 1 1 1.0
chaincodeQuery 1 1 '{"Args":["read","car1"]}' '{"id":"car1","owner":"alice","value":100}'

installChaincode 0 1 2.0
installChaincode 0 2 2.0
upgradeChaincode 0 1
chaincodeInvoke '{"Args":["transfer","car1","bob"]}' 0 2
chaincodeQuery 0 1 '{"Args":["read","car1"]}' '{"id":"car1","owner":"bob","value":100}'
fetchChannelConfig 2 config_block.pb

setGlobals 1 1
peer channel list 2>/dev/null
peer channel getinfo -c "$CHANNEL" 2>/dev/null | grep -o '"height":[0-9]*'
peer chaincode list --instantiated -C "$CHANNEL" 2>/dev/null
echo "========= All GOOD, execution completed ========="
