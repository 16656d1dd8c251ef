// Uses the bucket S3_BUCKET at S3_ENDPOINT as a program in JavaScript would. One line per check.
"use strict";
const assert = require("node:assert");
const { createHash, randomBytes } = require("node:crypto");
const { Readable } = require("node:stream");
const s3 = require("@aws-sdk/client-s3");
const { Upload } = require("@aws-sdk/lib-storage");

const MIB = 1 << 20;
const Bucket = process.env.S3_BUCKET;
const client = new s3.S3Client({
  endpoint: process.env.S3_ENDPOINT,
  forcePathStyle: true,
  maxAttempts: 1,
});

const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");
const send = (Command, input) => client.send(new s3[Command]({ Bucket, ...input }));
const read = async (input) => {
  const answer = await send("GetObjectCommand", input);
  return Buffer.from(await answer.Body.transformToByteArray());
};

async function* inSteps(bytes, step) {
  for (let at = 0; at < bytes.length; at += step) yield bytes.subarray(at, at + step);
}

const checks = {
  "put and get with the default checksums": async () => {
    const bytes = randomBytes(300_000);
    const put = await send("PutObjectCommand", { Key: "a/ü +", Body: bytes, Metadata: { k: "v" } });
    assert.ok(put.ChecksumCRC32);
    const answer = await send("GetObjectCommand", { Key: "a/ü +" });
    assert.deepStrictEqual(answer.Metadata, { k: "v" });
    assert.strictEqual(sha256(await answer.Body.transformToByteArray()), sha256(bytes));
  },
  "a stream of 12 MiB in parts": async () => {
    const bytes = randomBytes(12 * MIB + 7);
    const upload = new Upload({
      client,
      params: { Bucket, Key: "stream", Body: Readable.from(inSteps(bytes, 100_000)) },
      partSize: 5 * MIB,
      queueSize: 3,
    });
    const done = await upload.done();
    assert.match(done.ETag, /-3"$/);
    assert.strictEqual(sha256(await read({ Key: "stream" })), sha256(bytes));
    const part = await read({ Key: "stream", Range: `bytes=${5 * MIB - 3}-${5 * MIB + 2}` });
    assert.deepStrictEqual(part, bytes.subarray(5 * MIB - 3, 5 * MIB + 3));
  },
  "a short stream without parts": async () => {
    const bytes = randomBytes(70_000);
    const upload = new Upload({ client, params: { Bucket, Key: "s", Body: Readable.from([bytes]) } });
    await upload.done();
    assert.strictEqual(sha256(await read({ Key: "s" })), sha256(bytes));
  },
  "listing by pages": async () => {
    const wanted = Array.from({ length: 25 }, (_, i) => `list/${String(i).padStart(3, "0")}`);
    for (const Key of wanted) await send("PutObjectCommand", { Key, Body: Key });
    const found = [];
    const pages = s3.paginateListObjectsV2({ client, pageSize: 10 }, { Bucket, Prefix: "list/" });
    for await (const page of pages) found.push(...page.Contents.map((row) => row.Key));
    assert.deepStrictEqual(found, wanted);
  },
  "copy, head and deletion": async () => {
    await send("PutObjectCommand", { Key: "from", Body: "text", ContentType: "text/plain" });
    await send("CopyObjectCommand", { Key: "to", CopySource: `${Bucket}/from` });
    const head = await send("HeadObjectCommand", { Key: "to" });
    assert.deepStrictEqual([head.ContentLength, head.ContentType], [4, "text/plain"]);
    const answer = await send("DeleteObjectsCommand",
      { Delete: { Objects: [{ Key: "from" }, { Key: "to" }] } });
    assert.strictEqual(answer.Deleted.length, 2);
  },
  "errors by their names": async () => {
    await assert.rejects(read({ Key: "none" }), { name: "NoSuchKey" });
    await assert.rejects(send("ListObjectsV2Command", { Bucket: `${Bucket}-none` }),
      { name: "NoSuchBucket" });
  },
};

(async () => {
  for (const [name, body] of Object.entries(checks)) {
    await body();
    console.log(`ok ${name}`);
  }
})().catch((error) => {
  console.error(error);
  process.exit(1);
});
