package org.denim.example;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import java.nio.charset.StandardCharsets;

/** What the ledger holds. Every endorser must write the same bytes: Gson keeps the fields' order. */
final class Asset {
    static final Gson JSON = new GsonBuilder().disableHtmlEscaping().create();

    final String id;
    final String owner;
    final long value;

    Asset(String id, String owner, long value) {
        this.id = id;
        this.owner = owner;
        this.value = value;
    }

    static Asset parse(byte[] bytes) {
        return JSON.fromJson(new String(bytes, StandardCharsets.UTF_8), Asset.class);
    }

    byte[] bytes() {
        return JSON.toJson(this).getBytes(StandardCharsets.UTF_8);
    }
}
