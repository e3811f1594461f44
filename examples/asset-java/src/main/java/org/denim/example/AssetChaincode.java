package org.denim.example;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Properties;
import org.hyperledger.fabric.shim.ChaincodeBase;
import org.hyperledger.fabric.shim.ChaincodeStub;
import org.hyperledger.fabric.shim.ResponseUtils;
import org.hyperledger.fabric.shim.ledger.KeyModification;
import org.hyperledger.fabric.shim.ledger.KeyValue;
import org.hyperledger.fabric.shim.ledger.QueryResultsIterator;
import org.hyperledger.fabric.shim.ledger.QueryResultsIteratorWithMetadata;

/** A small chaincode: assets with an owner and a value. */
public final class AssetChaincode extends ChaincodeBase {
    /** What the caller did wrong, in words for the caller. */
    private static final class Refused extends RuntimeException {
        private static final long serialVersionUID = 1L;

        Refused(String message) {
            super(message);
        }
    }

    /** Optional arguments: ID OWNER VALUE, repeated, are assets to begin with. */
    @Override
    public Response init(ChaincodeStub stub) {
        return answer(() -> {
            List<String> args = stub.getParameters();
            if (args.size() % 3 != 0) {
                throw new Refused("expected arguments: ID OWNER VALUE, repeated");
            }
            for (int i = 0; i < args.size(); i += 3) {
                create(stub, args.subList(i, i + 3));
            }
            return ("version " + version()).getBytes(StandardCharsets.UTF_8);
        });
    }

    @Override
    public Response invoke(ChaincodeStub stub) {
        return answer(() -> {
            List<String> args = stub.getParameters();
            switch (stub.getFunction()) {
                case "create":
                    return create(stub, args);
                case "read":
                    return load(stub, expect(args, "ID").get(0)).bytes();
                case "update":
                    return update(stub, args);
                case "transfer":
                    return transfer(stub, args);
                case "delete":
                    return delete(stub, args);
                case "list":
                    return json(list(stub, args));
                case "history":
                    return json(history(stub, args));
                case "version":
                    JsonObject result = new JsonObject();
                    result.addProperty("version", version());
                    return json(result);
                default:
                    throw new Refused("unknown function \"" + stub.getFunction() + "\"");
            }
        });
    }

    private byte[] create(ChaincodeStub stub, List<String> args) {
        expect(args, "ID", "OWNER", "VALUE");
        if (stub.getState(args.get(0)).length > 0) {
            throw new Refused("asset " + args.get(0) + " already exists");
        }
        return store(stub, "created", new Asset(args.get(0), args.get(1), number(args.get(2))));
    }

    private byte[] update(ChaincodeStub stub, List<String> args) {
        Asset asset = load(stub, expect(args, "ID", "VALUE").get(0));
        return store(stub, null, new Asset(asset.id, asset.owner, number(args.get(1))));
    }

    private byte[] transfer(ChaincodeStub stub, List<String> args) {
        Asset asset = load(stub, expect(args, "ID", "OWNER").get(0));
        return store(stub, "transferred", new Asset(asset.id, args.get(1), asset.value));
    }

    private byte[] delete(ChaincodeStub stub, List<String> args) {
        stub.delState(load(stub, expect(args, "ID").get(0)).id);
        return new byte[0];
    }

    /** list [FROM TO [PAGE_SIZE BOOKMARK]]: assets of a key range, a page at a time (a query). */
    private JsonElement list(ChaincodeStub stub, List<String> args) {
        String from = argument(args, 0);
        String to = argument(args, 1);
        if (args.size() < 3) {
            try (QueryResultsIterator<KeyValue> results = stub.getStateByRange(from, to)) {
                return assets(results);
            } catch (Exception e) {
                throw failed(e);
            }
        }
        int size = (int) number(args.get(2));
        try (QueryResultsIteratorWithMetadata<KeyValue> results =
                stub.getStateByRangeWithPagination(from, to, size, argument(args, 3))) {
            JsonObject page = new JsonObject();
            page.add("assets", assets(results));
            page.addProperty("bookmark", results.getMetadata().getBookmark());
            return page;
        } catch (Exception e) {
            throw failed(e);
        }
    }

    /** history ID: every value the asset has had. */
    private JsonElement history(ChaincodeStub stub, List<String> args) {
        JsonArray changes = new JsonArray();
        try (QueryResultsIterator<KeyModification> iterator = stub.getHistoryForKey(expect(args, "ID").get(0))) {
            for (KeyModification modification : iterator) {
                JsonObject change = new JsonObject();
                change.addProperty("txId", modification.getTxId());
                change.addProperty("deleted", modification.isDeleted());
                change.add("asset", modification.isDeleted() ? JsonNull.INSTANCE : parse(modification.getValue()));
                changes.add(change);
            }
            return changes;
        } catch (Exception e) {
            throw failed(e);
        }
    }

    private static JsonArray assets(Iterable<KeyValue> results) {
        JsonArray assets = new JsonArray();
        for (KeyValue result : results) {
            assets.add(parse(result.getValue()));
        }
        return assets;
    }

    private static Asset load(ChaincodeStub stub, String id) {
        byte[] bytes = stub.getState(id);
        if (bytes.length == 0) {
            throw new Refused("asset " + id + " does not exist");
        }
        return Asset.parse(bytes);
    }

    private static byte[] store(ChaincodeStub stub, String event, Asset asset) {
        byte[] bytes = asset.bytes();
        stub.putState(asset.id, bytes);
        if (event != null) {
            stub.setEvent(event, bytes);
        }
        return bytes;
    }

    /** Refuses unless there are exactly as many arguments as names. */
    private static List<String> expect(List<String> args, String... names) {
        if (args.size() != names.length || args.get(0).isEmpty()) {
            throw new Refused("expected arguments: " + String.join(" ", names));
        }
        return args;
    }

    private static String argument(List<String> args, int index) {
        return index < args.size() ? args.get(index) : "";
    }

    /** A whole number that is not negative. */
    private static long number(String text) {
        if (!text.matches("[0-9]{1,15}")) {
            throw new Refused("value must be a whole number, got \"" + text + "\"");
        }
        return Long.parseLong(text);
    }

    private static JsonElement parse(byte[] bytes) {
        return JsonParser.parseString(new String(bytes, StandardCharsets.UTF_8));
    }

    private static byte[] json(JsonElement value) {
        return Asset.JSON.toJson(value).getBytes(StandardCharsets.UTF_8);
    }

    /** Of this code, from pom.xml. After an upgrade it differs. */
    private static String version() {
        try (InputStream file = AssetChaincode.class.getResourceAsStream("/asset.properties")) {
            Properties properties = new Properties();
            properties.load(file);
            return properties.getProperty("version");
        } catch (IOException e) {
            throw failed(e);
        }
    }

    private static RuntimeException failed(Exception e) {
        return e instanceof RuntimeException ? (RuntimeException) e : new IllegalStateException(e);
    }

    private interface Transaction {
        byte[] run();
    }

    private static Response answer(Transaction transaction) {
        try {
            return ResponseUtils.newSuccessResponse(transaction.run());
        } catch (Refused refused) {
            return ResponseUtils.newErrorResponse(refused.getMessage());
        }
    }

    public static void main(String[] args) {
        new AssetChaincode().start(args);
    }
}
