// Command asset-go is a small chaincode: assets with an owner and a value.
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"strconv"
	"strings"

	"github.com/hyperledger/fabric-chaincode-go/v2/shim"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
)

// version of this code; after an upgrade it differs.
const version = "1.0.0"

type asset struct {
	ID    string `json:"id"`
	Owner string `json:"owner"`
	Value int    `json:"value"`
}

type change struct {
	TxID    string          `json:"txId"`
	Deleted bool            `json:"deleted"`
	Asset   json.RawMessage `json:"asset"`
}

type page struct {
	Assets   []json.RawMessage `json:"assets"`
	Bookmark string            `json:"bookmark"`
}

// transaction is a function of the chaincode and the names of the arguments it needs.
type transaction struct {
	arguments []string
	run       func(stub shim.ChaincodeStubInterface, args []string) (any, error)
}

var transactions = map[string]transaction{
	"create":   {[]string{"ID", "OWNER", "VALUE"}, create},
	"read":     {[]string{"ID"}, read},
	"update":   {[]string{"ID", "VALUE"}, update},
	"transfer": {[]string{"ID", "OWNER"}, transfer},
	"delete":   {[]string{"ID"}, remove},
	"list":     {nil, list},
	"history":  {[]string{"ID"}, history},
	"version": {nil, func(shim.ChaincodeStubInterface, []string) (any, error) {
		return map[string]string{"version": version}, nil
	}},
}

func load(stub shim.ChaincodeStubInterface, id string) (*asset, error) {
	bytes, err := stub.GetState(id)
	if err != nil {
		return nil, err
	}
	if bytes == nil {
		return nil, fmt.Errorf("asset %s does not exist", id)
	}
	a := new(asset)
	return a, json.Unmarshal(bytes, a)
}

func store(stub shim.ChaincodeStubInterface, event string, a *asset) (any, error) {
	bytes, err := json.Marshal(a)
	if err != nil {
		return nil, err
	}
	if event != "" {
		if err := stub.SetEvent(event, bytes); err != nil {
			return nil, err
		}
	}
	return a, stub.PutState(a.ID, bytes)
}

func create(stub shim.ChaincodeStubInterface, args []string) (any, error) {
	value, err := strconv.Atoi(args[2])
	if err != nil {
		return nil, fmt.Errorf("value must be a whole number, got %q", args[2])
	}
	existing, err := stub.GetState(args[0])
	if err != nil {
		return nil, err
	}
	if existing != nil {
		return nil, fmt.Errorf("asset %s already exists", args[0])
	}
	return store(stub, "created", &asset{args[0], args[1], value})
}

func read(stub shim.ChaincodeStubInterface, args []string) (any, error) {
	return load(stub, args[0])
}

func update(stub shim.ChaincodeStubInterface, args []string) (any, error) {
	a, err := load(stub, args[0])
	if err != nil {
		return nil, err
	}
	if a.Value, err = strconv.Atoi(args[1]); err != nil {
		return nil, fmt.Errorf("value must be a whole number, got %q", args[1])
	}
	return store(stub, "", a)
}

func transfer(stub shim.ChaincodeStubInterface, args []string) (any, error) {
	a, err := load(stub, args[0])
	if err != nil {
		return nil, err
	}
	a.Owner = args[1]
	return store(stub, "transferred", a)
}

func remove(stub shim.ChaincodeStubInterface, args []string) (any, error) {
	if _, err := load(stub, args[0]); err != nil {
		return nil, err
	}
	return nil, stub.DelState(args[0])
}

// list returns the assets of a key range, all of them or a page at a time.
func list(stub shim.ChaincodeStubInterface, args []string) (any, error) {
	args = append(args, make([]string, 4)...)
	from, to, size, bookmark := args[0], args[1], args[2], args[3]
	if size == "" {
		iterator, err := stub.GetStateByRange(from, to)
		if err != nil {
			return nil, err
		}
		return drain(iterator)
	}
	count, err := strconv.ParseInt(size, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("page size must be a whole number, got %q", size)
	}
	iterator, metadata, err := stub.GetStateByRangeWithPagination(from, to, int32(count), bookmark)
	if err != nil {
		return nil, err
	}
	assets, err := drain(iterator)
	return page{assets, metadata.Bookmark}, err
}

func drain(iterator shim.StateQueryIteratorInterface) ([]json.RawMessage, error) {
	defer iterator.Close()
	assets := []json.RawMessage{}
	for iterator.HasNext() {
		result, err := iterator.Next()
		if err != nil {
			return nil, err
		}
		assets = append(assets, result.Value)
	}
	return assets, nil
}

// history returns every value the asset has had.
func history(stub shim.ChaincodeStubInterface, args []string) (any, error) {
	iterator, err := stub.GetHistoryForKey(args[0])
	if err != nil {
		return nil, err
	}
	defer iterator.Close()
	changes := []change{}
	for iterator.HasNext() {
		modification, err := iterator.Next()
		if err != nil {
			return nil, err
		}
		entry := change{TxID: modification.TxId, Deleted: modification.IsDelete}
		if !modification.IsDelete {
			entry.Asset = modification.Value
		}
		changes = append(changes, entry)
	}
	return changes, nil
}

type chaincode struct{}

// Init takes any number of ID OWNER VALUE as assets to begin with.
func (chaincode) Init(stub shim.ChaincodeStubInterface) *peer.Response {
	_, args := stub.GetFunctionAndParameters()
	if len(args)%3 != 0 {
		return shim.Error("expected arguments: ID OWNER VALUE, repeated")
	}
	for ; len(args) > 0; args = args[3:] {
		if _, err := create(stub, args[:3]); err != nil {
			return shim.Error(err.Error())
		}
	}
	return shim.Success([]byte("version " + version))
}

func (chaincode) Invoke(stub shim.ChaincodeStubInterface) *peer.Response {
	name, args := stub.GetFunctionAndParameters()
	tx, found := transactions[name]
	if !found {
		return shim.Error(fmt.Sprintf("unknown function %q", name))
	}
	if tx.arguments != nil && (len(args) != len(tx.arguments) || args[0] == "") {
		return shim.Error("expected arguments: " + strings.Join(tx.arguments, " "))
	}
	result, err := tx.run(stub, args)
	if err != nil {
		return shim.Error(err.Error())
	}
	if result == nil {
		return shim.Success(nil)
	}
	bytes, err := json.Marshal(result)
	if err != nil {
		return shim.Error(err.Error())
	}
	return shim.Success(bytes)
}

func main() {
	if err := shim.Start(chaincode{}); err != nil {
		log.Fatal(err)
	}
}
