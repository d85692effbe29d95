// SPDX-License-Identifier: Apache-2.0
// base.js - elements, text, numbers and the state of the page. Text is only ever set as text.

const SVG = "http://www.w3.org/2000/svg";
const byId = (id) => document.getElementById(id);

/* What is chosen now; everything that is drawn follows from this and the map. */
const state = {
	lang: "en",
	view: "graph",
	color: "verdict",
	hubs: "faint", // lines of groups that talk to almost all others: "faint", "full" or "hidden"
	grouping: "none", // "segment", "label:KEY", "network24", "network16", "none"
	expanded: new Map(), // group key -> true or false, where somebody chose
	shown: new Map(), // group key -> rows shown when it is expanded
	allLines: false, // draw more lines than can be followed
	query: "",
	verdicts: new Set(["allow", "would", "deny"]),
	covers: new Set(["encrypted", "plaintext", "unknown"]),
	protocols: null, // Set of words, or null for all
	timeBy: "last",
	from: 0,
	to: 0,
	selected: null, // {kind: "node" | "group" | "edge" | "line", ...}
	focus: null, // {ids: Set, name, depth, way: "both" | "in" | "out"}
	sort: { column: "connections", down: true },
};

// --- words ---------------------------------------------------------------------

function t(key, values) {
	const words = WORDS[state.lang];
	let text = words[key];
	if (values && values.n === 1 && words[key + "_1"] !== undefined)
		text = words[key + "_1"];
	if (text === undefined)
		throw new Error("no words for " + key);
	return text.replace(/\{(\w+)\}/g, (_, name) => {
		const value = values[name];
		return typeof value === "number" ? number(value) : String(value);
	});
}

/*
 * Text from outside as it may be shown: what would be invisible, end a line or turn the
 * direction of what follows is written out.
 */
const HIDDEN = new RegExp("[\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u061c\\u180e\\u200b-\\u200f" +
	"\\u2028-\\u202f\\u2060-\\u206f\\ufeff\\ufff9-\\ufffb]|[\\u{e0000}-\\u{e007f}]", "gu");

function visible(text) {
	const shown = String(text).replace(HIDDEN, (c) => {
		const code = c.codePointAt(0).toString(16);
		return code.length <= 2 ? "\\x" + code.padStart(2, "0") : "\\u{" + code + "}";
	});
	return shown !== "" && shown.trim() === "" ? "“" + shown + "”" : shown;
}

function cut(text, max) {
	const chars = Array.from(text);
	return chars.length > max ? chars.slice(0, max - 1).join("") + "…" : text;
}

// --- elements ------------------------------------------------------------------

function fill(node, attributes, children) {
	for (const [name, value] of Object.entries(attributes || {})) {
		if (value === undefined || value === null || value === false)
			continue;
		if (name.startsWith("on"))
			node.addEventListener(name.slice(2), value);
		else if (name === "style")
			for (const [key, v] of Object.entries(value))
				node.style.setProperty(key, v);
		else
			node.setAttribute(name, value === true ? "" : value);
	}
	for (const child of children.flat(Infinity)) {
		if (child !== null && child !== undefined && child !== false)
			node.append(child); // a string becomes a text node
	}
	return node;
}

const el = (tag, attributes, ...children) =>
	fill(document.createElement(tag), attributes, children);
const sv = (tag, attributes, ...children) =>
	fill(document.createElementNS(SVG, tag), attributes, children);

/* Outside text in its own direction, so that it cannot turn its neighbours'. */
const bdi = (text, attributes) => el("bdi", attributes, visible(text));

// --- numbers -------------------------------------------------------------------

const formats = {};

function format(kind, options) {
	const key = state.lang + kind;
	if (!formats[key])
		formats[key] = new Intl.NumberFormat(state.lang, options);
	return formats[key];
}

const number = (n) => format("plain", { maximumFractionDigits: 1 }).format(n);
const short = (n) => format("short", { notation: "compact", maximumFractionDigits: 1 }).format(n);

function bytes(n) {
	const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
	let i = 0;
	for (; n >= 1024 && i < units.length - 1; i++)
		n /= 1024;
	return format(i && n < 100 ? "b1" : "b0", { maximumFractionDigits: i && n < 100 ? 1 : 0 })
		.format(n) + " " + units[i];
}

function micros(us) {
	if (us < 1000)
		return number(us) + " µs";
	if (us < 1e6)
		return format("ms", { maximumFractionDigits: us < 1e5 ? 1 : 0 }).format(us / 1000) + " ms";
	return number(us / 1e6) + " s";
}

/* "18.4 %": never 100 unless it is all of it, never 0 unless it is none. */
function share(part, whole) {
	if (!whole)
		return "–";
	let percent = Math.round(part / whole * 1000) / 10;
	if (part < whole)
		percent = Math.min(percent, 99.9);
	if (part > 0)
		percent = Math.max(percent, 0.1);
	return number(percent) + " %";
}

const two = (n) => String(n).padStart(2, "0");

/* In the reader's time zone, in the order that sorts. */
function clock(ms, seconds) {
	if (!Number.isFinite(ms))
		return t("unknown_time");
	const d = new Date(ms);
	return d.getFullYear() + "-" + two(d.getMonth() + 1) + "-" + two(d.getDate()) + " " +
		two(d.getHours()) + ":" + two(d.getMinutes()) + (seconds ? ":" + two(d.getSeconds()) : "");
}

function zone() {
	const minutes = -new Date().getTimezoneOffset();
	const m = Math.abs(minutes);
	return "UTC" + (minutes < 0 ? "−" : "+") + two(Math.floor(m / 60)) + ":" + two(m % 60);
}

// --- measuring -------------------------------------------------------------------

const FONT = 'system-ui, -apple-system, "Segoe UI", "Noto Sans TC", "Noto Sans CJK TC", ' +
	'"Microsoft JhengHei", "PingFang TC", sans-serif';
const pen = document.createElement("canvas").getContext("2d");
const widths = new Map();

function textWidth(text, size, bold) {
	const key = size + (bold ? "b" : "") + text;
	let width = widths.get(key);
	if (width === undefined) {
		pen.font = (bold ? "600 " : "") + size + "px " + FONT;
		width = pen.measureText(text).width;
		if (widths.size > 20000)
			widths.clear();
		widths.set(key, width);
	}
	return width;
}

/* The text, or as much of its beginning as fits with an ellipsis. */
function fitText(text, size, room, bold) {
	text = cut(text, 120);
	if (textWidth(text, size, bold) <= room)
		return text;
	const chars = Array.from(text);
	let low = 0, high = chars.length;
	while (low < high) {
		const middle = (low + high + 1) >> 1;
		if (textWidth(chars.slice(0, middle).join("") + "…", size, bold) <= room)
			low = middle;
		else
			high = middle - 1;
	}
	return chars.slice(0, low).join("") + "…";
}
