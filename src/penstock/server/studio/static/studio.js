// Keeps a page current: asks for its live parts, swaps those that changed, counts durations, shows times in local time.
// Everything works without it; it only spares reloading.
"use strict";

const FAST_MS = 1000;
const SLOW_MS = 3000;
const main = document.getElementById("main");
const connection = document.getElementById("connection");
let tag = null;
let failures = 0;

function words(seconds) {
  const s = Math.max(seconds, 0);
  if (s < 0.1) return Math.round(s * 1000) + " ms";
  if (s < 10) return s.toFixed(1) + " s";
  if (s < 60) return Math.floor(s) + " s";
  const whole = Math.floor(s);
  const two = (n) => String(n).padStart(2, "0");
  if (whole < 3600) return Math.floor(whole / 60) + " min " + two(whole % 60) + " s";
  return Math.floor(whole / 3600) + " h " + two(Math.floor((whole % 3600) / 60)) + " min";
}

function ago(date) {
  const past = (Date.now() - date) / 1000;
  const s = Math.abs(past);
  const said = (n, unit) => (past < 0 ? "in " + n + " " + unit : n + " " + unit + " ago");
  if (s < 5) return past < 0 ? "now" : "just now";
  for (const [size, unit] of [[31536000, "y"], [2592000, "mo"], [86400, "d"], [3600, "h"], [60, "min"]]) {
    if (s >= size) return said(Math.floor(s / size), unit);
  }
  return said(Math.floor(s), "s");
}

function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function tick() {
  for (const element of document.querySelectorAll("[data-since]")) {
    put(element, words((Date.now() - new Date(element.dataset.since)) / 1000));
  }
  for (const element of document.querySelectorAll("time[datetime]")) {
    const date = new Date(element.dateTime);
    const today = date.toDateString() === new Date().toDateString();
    const shown = today
      ? date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" })
      : date.toLocaleString([], { dateStyle: "medium", timeStyle: "short", hourCycle: "h23" });
    put(element, shown + " (" + ago(date) + ")");
    element.title = date.toLocaleString([], { dateStyle: "full", timeStyle: "long", hourCycle: "h23" });
  }
}

// What matters in a log or a traceback is its end. Each is moved there once; then it is the reader's.
const moved = new WeakSet();
function toEnd(scope) {
  for (const element of scope.querySelectorAll("[data-tail]")) {
    if (!moved.has(element)) element.scrollTop = element.scrollHeight;
    moved.add(element);
  }
}

// Make `old` like `next`, touching only what differs: folds, focus, selection and scrolling of the reader stay.
function morph(old, next) {
  if (old.nodeType !== next.nodeType || old.nodeName !== next.nodeName || (old.id || "") !== (next.id || "")) {
    old.replaceWith(next);
    return;
  }
  if (old.nodeType !== Node.ELEMENT_NODE) {
    morphText(old, next);
    return;
  }
  const isSame = morphAttributes(old, next);
  if (isSame && old.matches("time, [data-since], .copy")) return; // the script writes these itself
  const isAtEnd = old.hasAttribute("data-tail") && old.scrollHeight - old.scrollTop - old.clientHeight < 12;
  const fresh = [...next.childNodes];
  const present = [...old.childNodes];
  fresh.forEach((node, i) => (present[i] ? morph(present[i], node) : old.append(node)));
  present.slice(fresh.length).forEach((node) => node.remove());
  if (isAtEnd) old.scrollTop = old.scrollHeight;
}

function morphText(old, next) {
  if (old.data === next.data) return;
  // A log that only grew is added to, so that what is selected in it stays selected.
  if (next.data.startsWith(old.data)) old.appendData(next.data.slice(old.data.length));
  else old.data = next.data;
}

function morphAttributes(old, next) {
  let isSame = true;
  const isOurs = (name) => (name === "open" && old.nodeName === "DETAILS") || (name === "title" && old.nodeName === "TIME") || (name === "hidden" && old.matches(".copy"));
  for (const { name, value } of [...next.attributes]) {
    if (!isOurs(name) && old.getAttribute(name) !== value) {
      old.setAttribute(name, value);
      isSame = false;
    }
  }
  for (const { name } of [...old.attributes]) {
    if (!isOurs(name) && !next.hasAttribute(name)) {
      old.removeAttribute(name);
      isSame = false;
    }
  }
  return isSame;
}

function swap(html) {
  const fresh = new DOMParser().parseFromString(html, "text/html");
  for (const next of fresh.querySelectorAll("[data-part]")) {
    const part = document.getElementById(next.id);
    if (part) morph(part, document.adoptNode(next));
  }
  offerCopy();
  toEnd(main);
  tick();
  const title = main.querySelector(".title h1");
  if (title) document.title = main.querySelector("#status").textContent.trim() + ": " + title.textContent + " · Penstock";
}

function offerCopy() {
  if (navigator.clipboard) for (const button of document.querySelectorAll(".copy")) button.hidden = false;
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest?.("[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
  const said = button.textContent;
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = said; }, 1500);
});

// A published pipeline's form: the body that any client sends, under a key of its own, so that a repeated click is one run.
function runBody(form) {
  const body = { ExperimentName: form.elements.experiment.value, RunSource: "Studio" };
  for (const input of form.querySelectorAll("[data-place]")) {
    const { place, type } = input.dataset;
    let value = input.value;
    if (type === "bool") value = input.checked;
    else if (place === "DataPathAssignments") {
      const cut = (value + "/").indexOf("/");
      value = { DataStoreName: value.slice(0, cut), RelativePath: value.slice(cut + 1) };
    } else if (type === "dataset") value = { SavedDataSetReference: { Id: value } };
    (body[place] ??= {})[input.name.slice("parameter:".length)] = value;
  }
  return body;
}

// Sends what a form asks for; what came back, or null when it was refused: then the form says why, and asks for a token if that was it.
async function send(form, method, path, text, more) {
  const refusal = form.querySelector(".refusal");
  const field = document.getElementById("token-field");
  const buttons = form.querySelectorAll("button");
  const token = form.elements.token.value || sessionStorage.getItem("penstock-token") || "";
  const headers = { "Content-Type": "application/json", ...more };
  if (token) headers.Authorization = "Bearer " + token;
  for (const button of buttons) button.disabled = true;
  refusal.hidden = true;
  try {
    const answer = await fetch(path, { method, headers, body: text });
    const found = await answer.json();
    if (answer.ok) {
      if (token) sessionStorage.setItem("penstock-token", token);
      field.hidden = true;
      return found;
    }
    if (answer.status === 401) {
      sessionStorage.removeItem("penstock-token");
      field.hidden = false;
      form.elements.token.focus();
    }
    refusal.textContent = answer.status === 401 && !token ? "This takes a token: give yours, then try again." : found.error.message;
  } catch {
    refusal.textContent = "The server does not answer. Nothing is lost: try again.";
  } finally {
    for (const button of buttons) button.disabled = false;
  }
  refusal.hidden = false;
  return null;
}

document.addEventListener("submit", async (event) => {
  const form = event.target.closest?.("[data-run], [data-call]");
  if (!form) return;
  event.preventDefault();
  if ("call" in form.dataset) {
    const { method, path, body } = event.submitter.dataset;
    if (await send(form, method, form.dataset.call + path, body, {})) poll();
    return;
  }
  const text = JSON.stringify(runBody(form));
  if (form.dataset.sent !== text) Object.assign(form.dataset, { sent: text, key: Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("") });
  const found = await send(form, "POST", new URL(form.dataset.run).pathname, text, { "Idempotency-Key": form.dataset.key });
  if (found) location.assign("/runs/" + encodeURIComponent(found.Id));
});

let waiting = null;
async function poll() {
  clearTimeout(waiting);
  const address = main.dataset.live;
  if (!address || main.querySelector("[data-over]")) return;
  if (document.hidden) {
    document.addEventListener("visibilitychange", poll, { once: true });
    return;
  }
  const begun = performance.now();
  try {
    const answer = await fetch(address, { headers: tag ? { "If-None-Match": tag } : {}, cache: "no-store" });
    if (answer.status === 200) {
      tag = answer.headers.get("ETag");
      swap(await answer.text());
    } else if (answer.status !== 304) {
      throw new Error(String(answer.status));
    }
    failures = 0;
    connection.hidden = true;
  } catch {
    failures += 1;
    connection.textContent = "The server does not answer; trying again. Running steps go on by themselves.";
    connection.hidden = false;
  }
  const pause = "slow" in main.dataset ? SLOW_MS : FAST_MS;
  // A page that takes long to make is asked for less often, so that watching never slows what is watched.
  const cost = (performance.now() - begun) * 8;
  clearTimeout(waiting);
  waiting = setTimeout(poll, Math.min(Math.max(pause * (1 + failures), cost), 10000));
}

tick();
toEnd(document);
offerCopy();
setInterval(tick, 500);
poll();
