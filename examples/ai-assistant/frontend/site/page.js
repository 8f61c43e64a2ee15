"use strict";

const element = (id) => document.getElementById(id);

async function call(method, path, body) {
  const response = await fetch(path, {
    method,
    headers: body ? { "Content-Type": "application/json" } : {},
    body: body ? JSON.stringify(body) : undefined,
  });
  if (!response.ok) {
    const { detail } = await response.json().catch(() => ({}));
    throw new Error(typeof detail === "string" ? detail : `${method} ${path} answered ${response.status}`);
  }
  return response.status === 204 ? null : response.json();
}

async function attempt(work) {
  element("error").textContent = "";
  try {
    await work();
  } catch (error) {
    element("error").textContent = error.message;
  }
}

function row(item) {
  const line = document.createElement("li");
  const remove = document.createElement("button");
  line.textContent = item.description ? `${item.name}: ${item.description} ` : `${item.name} `;
  remove.textContent = "Remove";
  remove.onclick = () => attempt(async () => {
    await call("DELETE", `/api/items/${item.id}`);
    await show();
  });
  line.append(remove);
  return line;
}

async function show() {
  element("items").replaceChildren(...(await call("GET", "/api/items")).map(row));
}

element("add").onsubmit = (event) => {
  event.preventDefault();
  attempt(async () => {
    await call("POST", "/api/items", Object.fromEntries(new FormData(event.target)));
    event.target.reset();
    await show();
  });
};

element("chat").onsubmit = (event) => {
  event.preventDefault();
  attempt(async () => {
    const { answer } = await call("POST", "/api/chat", Object.fromEntries(new FormData(event.target)));
    element("answer").textContent = answer;
    event.target.reset();
  });
};

attempt(show);
