// A client of Sluice in TypeScript, with the types that openapi-typescript makes of
// /openapi.json: a post is created, read, listed, replaced, patched and deleted. A
// wrong name or a wrong type in a body or an answer does not compile.
import assert from "node:assert/strict";
import createClient from "openapi-fetch";
import type { components, paths } from "./api.js";

type New = components["schemas"]["posts_new"];
type Post = components["schemas"]["posts_document"];
type Receipt = components["schemas"]["receipt"];
type Problem = components["schemas"]["problem"];

// Lists and bulk answers also come as NDJSON and CSV; this client asks for JSON.
const api = createClient<paths, "application/json" | "application/problem+json">({
	baseUrl: process.argv[2]!,
});
const wait = { Prefer: "wait=10" };
const document = { Prefer: "wait=10, return=representation" };

// An answer is a document, if the request asked for it, or a receipt.
const isPost = (answer: Post | Receipt | undefined): answer is Post =>
	answer !== undefined && "title" in answer;

const created = await api.POST("/v1/posts", {
	params: { header: document },
	body: { title: "one", content: "text", author: "ann" },
});
assert.equal(created.response.status, 201);
const post = created.data;
assert(post && !Array.isArray(post) && isPost(post));
const id: number = post.id;
const path = { id };

const read = await api.GET("/v1/posts/{id}", { params: { path } });
assert.equal(read.response.status, 200);
assert.deepEqual(read.data, post);
const title: string = read.data!.title;
assert.equal(title, "one");

const list = await api.GET("/v1/posts", { params: { query: { limit: 1, order: "id.desc" } } });
assert.equal(list.data!.length, 1);
assert.equal(list.data![0]!.id, id);

const replaced = await api.PUT("/v1/posts/{id}", {
	params: { path, header: { ...wait, "If-Match": read.response.headers.get("ETag")! } },
	body: { title: "two", content: "text", author: "ann" },
});
assert.equal(replaced.response.status, 200);

const stale = await api.PUT("/v1/posts/{id}", {
	params: { path, header: { ...wait, "If-Match": read.response.headers.get("ETag")! } },
	body: { title: "three", content: "text", author: "ann" },
});
assert.equal(stale.response.status, 412);
const problem: Problem = stale.error!;
assert.equal(problem.type, "urn:sluice:problem:precondition-failed");

const patched = await api.PATCH("/v1/posts/{id}", {
	params: { path, header: document },
	body: { author: "bob" },
	headers: { "Content-Type": "application/merge-patch+json" },
});
assert.equal(patched.response.status, 200);
assert(isPost(patched.data) && patched.data.author === "bob" && patched.data.title === "two");

const deleted = await api.DELETE("/v1/posts/{id}", { params: { path, header: wait } });
assert.equal(deleted.response.status, 204);
const absent = await api.GET("/v1/posts/{id}", { params: { path } });
assert.equal(absent.response.status, 404);
assert.equal(absent.error!.type, "urn:sluice:problem:not-found");

// What must not compile. Nothing of it is sent.
export const mistakes = [
	// @ts-expect-error: no such field
	(): New => ({ title: "t", content: "c", author: "a", autor: "a" }),
	// @ts-expect-error: a field is missing
	() => api.POST("/v1/posts", { body: { title: "t" } }),
	// @ts-expect-error: a number is no title
	() => api.PATCH("/v1/posts/{id}", { params: { path }, body: { title: 1 } }),
	// @ts-expect-error: no such collection
	() => api.GET("/v1/pots", {}),
	// @ts-expect-error: a key is a number
	() => api.GET("/v1/posts/{id}", { params: { path: { id: "one" } } }),
	// @ts-expect-error: a title is no number
	(p: Post): number => p.title,
];
