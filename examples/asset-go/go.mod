module example.org/denim/asset-go

go 1.21

require github.com/hyperledger/fabric-chaincode-go/v2 v2.0.0
