"use strict";

const element = (id) => document.getElementById(id);
// In this page's memory only: a reload logs out.
let token = null;

function request(method, body) {
  const headers = {};
  if (body) headers["Content-Type"] = "application/json";
  if (token) headers.Authorization = `Bearer ${token}`;
  return { method, headers, body: body && JSON.stringify(body) };
}

async function answered(path, options) {
  const response = await fetch(path, options);
  if (!response.ok) {
    const { detail } = await response.json().catch(() => ({}));
    throw new Error(typeof detail === "string" ? detail : `${options.method} ${path} answered ${response.status}`);
  }
  return response;
}

async function call(method, path, body) {
  const response = await answered(path, request(method, body));
  return response.status === 204 ? null : response.json();
}

// The events of a streamed answer, one after the other, as they come.
async function* events(path, body) {
  const response = await answered(path, request("POST", body));
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    text += value;
    const parts = text.split("\n\n");
    text = parts.pop();
    for (const part of parts) {
      const field = (name) => part.split("\n").find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
      yield { kind: field("event"), data: JSON.parse(field("data")) };
    }
  }
}

async function attempt(work) {
  element("error").textContent = "";
  try {
    await work();
  } catch (error) {
    element("error").textContent = error.message;
  }
}

function onSubmit(id, work) {
  element(id).onsubmit = (event) => {
    event.preventDefault();
    attempt(() => work(Object.fromEntries(new FormData(event.target)), event.target));
  };
}

function row(text) {
  const line = document.createElement("li");
  line.textContent = text;
  return line;
}

function documentRow(found) {
  const line = row(found.body ? `${found.title}: ${found.body} ` : `${found.title} `);
  if (token) {
    const remove = document.createElement("button");
    remove.textContent = "Remove";
    remove.onclick = () => attempt(async () => {
      await call("DELETE", `/api/documents/${found.id}`);
      await show();
    });
    line.append(remove);
  }
  return line;
}

async function show() {
  element("documents").replaceChildren(...(await call("GET", "/api/documents")).map(documentRow));
}

onSubmit("chat", async ({ message }, form) => {
  element("answer").textContent = "";
  element("sources").textContent = "";
  form.reset();
  for await (const { kind, data } of events("/api/chat/stream", { message })) {
    if (kind === "start" && data.sources.length) {
      element("sources").textContent = `From: ${data.sources.map((source) => source.title).join(", ")}`;
    } else if (kind === "word") {
      element("answer").textContent += data.text;
    } else if (kind === "end" && data.reason !== "complete") {
      throw new Error(`The answer ended early: ${data.reason}`);
    }
  }
});

onSubmit("search", async (asked) => {
  const found = await call("GET", `/api/search?${new URLSearchParams(asked)}`);
  const rows = found.map((each) => row(`${each.title}: ${each.body}`));
  element("found").replaceChildren(...(rows.length ? rows : [row("Nothing found")]));
});

onSubmit("login", async (given, form) => {
  token = (await call("POST", "/api/auth/login", given)).access_token;
  form.hidden = true;
  element("add").hidden = false;
  await show();
});

onSubmit("add", async (written, form) => {
  await call("POST", "/api/documents", written);
  form.reset();
  await show();
});

attempt(async () => {
  const info = await call("GET", "/api/info");
  element("about").textContent = `Version ${info.version}, model ${info.model}`;
  await show();
});
