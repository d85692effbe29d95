// SPDX-License-Identifier: Apache-2.0
// place.js - coordinates: every line has a place of its own at both ends, so that words never overlap.

const ROW = 26, NOTED = 42, HEAD = 28, COLLAPSED = 50;
const CARD_LEAST = 120, CARD_MOST = 230;
const NAME_SIZE = 13, ROW_SIZE = 12.5, LABEL_SIZE = 11;

function pitches(scene, labels) {
	if (labels)
		return { into: 19, out: 7 };
	const n = scene.lines.length;
	return n > 1000 ? { into: 4, out: 3 } : n > 300 ? { into: 7, out: 5 } : { into: 12, out: 6 };
}

/* Height of one item: its text, or the places of its lines where they need more. */
function itemHeight(item, pitch, ends) {
	const sides = [0, 0];
	for (const stop of ends)
		sides[stop.side > 0 ? 1 : 0] += stop.index ? pitch.into : pitch.out;
	item.sideHeight = sides;
	return Math.max(item.kind === "group" ? COLLAPSED : item.card.note ? NOTED : ROW, Math.max(...sides) + 8);
}

function measureCards(scene, pitch) {
	const ends = scene.items.map(() => []);
	for (const line of scene.lines) {
		ends[line.src.id].push(line.stops[0]);
		ends[line.dst.id].push(line.stops[line.stops.length - 1]);
	}
	for (const card of scene.cards) {
		let room = card.single ? 0 : textWidth(cut(card.name, 60), NAME_SIZE, true) + 44;
		card.note = card.single && state.grouping !== "none" && card.key !== "" ? cut(card.name, 60) : "";
		if (card.note)
			room = textWidth(card.note, LABEL_SIZE) + 34;
		card.height = card.open && !card.single ? HEAD : 0;
		for (const item of card.items) {
			item.ends = ends[item.id];
			item.height = itemHeight(item, pitch, item.ends);
			if (item.kind !== "group")
				room = Math.max(room, textWidth(cut(item.name, 60), ROW_SIZE, item.node && item.node.near) + 34);
			card.height += item.height;
		}
		if (!card.open)
			room = Math.max(room, textWidth(cardNote(card), LABEL_SIZE) + 26);
		card.height += card.open && !card.single ? 4 : 0;
		card.width = Math.ceil(Math.min(CARD_MOST, Math.max(CARD_LEAST, room)));
	}
}

/* Under the name of a collapsed group. */
function cardNote(card) {
	const nodes = t("nodes", { n: card.size });
	return card.inner.length ? nodes + " · " + t("within", { n: card.inner.length }) : nodes;
}

const stopY = (stop) => stop.entity.y + stop.offset;

function neighbourY(stop) {
	const line = stop.line;
	return stopY(line.stops[stop.index === 0 ? 1 : stop.index - 1]);
}

/* Where in an entity each line is: in the order of where it comes from or goes. */
function placeStops(entity, pitch) {
	if (entity.pass) {
		entity.stops.sort((a, b) => neighbourY(a) - neighbourY(b) || a.line.order - b.line.order);
		entity.stops.forEach((stop, i) => { stop.offset = 5 + i * 4; });
		return;
	}
	for (const item of entity.items) {
		for (const side of [-1, 1]) {
			const ends = item.ends.filter((s) => s.side === side);
			ends.sort((a, b) => neighbourY(a) - neighbourY(b) || a.line.order - b.line.order);
			let y = item.top + (item.height - item.sideHeight[side > 0 ? 1 : 0]) / 2;
			for (const stop of ends) {
				const size = stop.index ? pitch.into : pitch.out;
				// Words stand on their line: it is at the bottom of its place.
				stop.offset = y + (stop.index && size > 16 ? size - 6 : size / 2);
				y += size;
			}
		}
	}
}

function stackItems(card, byTraffic) {
	let y = card.open && !card.single ? HEAD : 0;
	if (byTraffic) {
		const middle = new Map(card.items.map((item) => [item, item.kind === "more" ? Infinity :
			item.ends.length ? item.ends.reduce((s, e) => s + neighbourY(e), 0) / item.ends.length : 0]));
		card.items.sort((a, b) => middle.get(a) - middle.get(b) || a.id - b.id);
	}
	for (const item of card.items) {
		item.top = y;
		y += item.height;
	}
}

const gapBetween = (a, b) => a.pass && b.pass ? 6 : a.pass || b.pass ? 12 : 20;

/*
 * The positions nearest to the wanted ones that keep order and distance: pool adjacent violators
 * (isotonic regression), linear in the length of the column.
 */
function settleColumn(column) {
	const blocks = [];
	let offset = 0;
	column.forEach((entity, i) => {
		if (i)
			offset += column[i - 1].height + gapBetween(column[i - 1], entity);
		entity.shift = offset;
		let block = { sum: (entity.wanted - offset) * entity.weight, weight: entity.weight, n: 1 };
		while (blocks.length) {
			const last = blocks[blocks.length - 1];
			if (last.sum / last.weight <= block.sum / block.weight)
				break;
			blocks.pop();
			block = { sum: last.sum + block.sum, weight: last.weight + block.weight, n: last.n + block.n };
		}
		blocks.push(block);
	});
	let i = 0;
	for (const block of blocks)
		for (let k = 0; k < block.n; k++, i++)
			column[i].y = block.sum / block.weight + column[i].shift;
}

function settle(columns, pitch) {
	const stack = (column) => {
		let y = 0;
		column.forEach((entity, i) => {
			y += i ? gapBetween(column[i - 1], entity) : 0;
			entity.y = y;
			y += entity.height;
		});
		column.forEach((entity) => { entity.y -= y / 2; });
	};
	columns.forEach(stack);
	const all = columns.flat();
	all.forEach((entity) => entity.stops.forEach((stop) => { stop.offset = entity.height / 2; }));
	for (let round = 0; round < 10; round++) {
		if (round < 6)
			all.forEach((entity) => entity.pass || stackItems(entity, round > 0));
		all.forEach((entity) => placeStops(entity, pitch));
		const sequence = round % 2 ? [...columns].reverse() : columns;
		for (const column of sequence) {
			for (const entity of column) {
				let sum = 0, n = 0;
				for (const stop of entity.stops) {
					for (const other of [stop.line.stops[stop.index - 1], stop.line.stops[stop.index + 1]]) {
						if (other && other.entity.column !== entity.column) {
							sum += stopY(other) - stop.offset;
							n++;
						}
					}
				}
				entity.wanted = n ? sum / n : entity.y;
				entity.weight = entity.pass ? 0.5 + n : Math.max(1, n);
			}
			settleColumn(column);
		}
	}
	all.forEach((entity) => placeStops(entity, pitch));
}

/* Room between columns: words on both sides, and in the middle the bends. */
function gapsOf(scene, columns, labels) {
	const gaps = columns.map(() => ({ left: 0, right: 0, bend: 40, lines: 0 }));
	gaps.unshift({ left: 0, right: 0, bend: 0, lines: 0 }); // before the first column
	for (const line of scene.lines) {
		const end = line.stops[line.stops.length - 1], from = line.src.card.column;
		const zone = labels ? Math.min(170, textWidth(line.text, LABEL_SIZE) + 50) : 30;
		const gap = gaps[end.entity.column + (end.side > 0 ? 1 : 0)];
		const key = end.side > 0 ? "left" : "right";
		gap[key] = Math.max(gap[key], zone);
		for (let i = 0; i + 1 < line.stops.length; i++) {
			const c = line.stops[i].entity.column, d = line.stops[i + 1].entity.column;
			gaps[Math.max(c, d) + (c === d ? 1 : 0)].lines++;
		}
		if (from === end.entity.column)
			gaps[from + 1].arcs = true;
	}
	gaps.forEach((gap, i) => {
		const outer = i === 0 || i === gaps.length - 1;
		gap.bend = outer ? (gap.arcs ? 40 : 0) : Math.min(130, 44 + gap.lines * 1.2) + (gap.arcs ? 20 : 0);
	});
	return gaps;
}

/* placeScene - gives every card, item and line its coordinates; returns the size of it all. */
function placeScene(scene, columns, labels) {
	const pitch = pitches(scene, labels);
	scene.lines.forEach((line, i) => { line.order = i; });
	measureCards(scene, pitch);
	for (const entity of columns.flat())
		if (entity.pass)
			entity.height = 6 + entity.stops.length * 4;
	orderColumns(columns);
	settle(columns, pitch);
	const gaps = gapsOf(scene, columns, labels);
	let top = Infinity, bottom = -Infinity, x = gaps[0].right + gaps[0].bend;
	columns.forEach((column, i) => {
		const cards = column.filter((e) => !e.pass);
		const width = Math.max(0, ...cards.map((e) => e.width));
		for (const entity of column) {
			entity.left = x;
			if (!entity.pass)
				entity.width = width;
			entity.right = x + width;
			top = Math.min(top, entity.y);
			bottom = Math.max(bottom, entity.y + entity.height);
		}
		const gap = gaps[i + 1];
		gap.from = x + width + gap.left;
		gap.to = gap.from + gap.bend;
		x = gap.to + gap.right;
	});
	gaps[0].from = 0;
	gaps[0].to = gaps[0].bend;
	for (const entity of columns.flat())
		entity.y -= top;
	for (const line of scene.lines)
		route(line, gaps);
	return { width: x, height: bottom - top, labels, pitch };
}

/* The path of a line, from source to destination, and where its words and marks are. */
function route(line, gaps) {
	const r = (n) => Math.round(n * 10) / 10;
	const first = line.stops[0], end = line.stops[line.stops.length - 1];
	const x0 = first.side > 0 ? first.entity.right : first.entity.left;
	const x1 = end.side > 0 ? end.entity.right + 7 : end.entity.left - 7;
	let d = "M" + r(x0) + " " + r(stopY(first));
	for (let i = 0; i + 1 < line.stops.length; i++) {
		const a = line.stops[i], b = line.stops[i + 1];
		const ca = a.entity.column, cb = b.entity.column, ya = r(stopY(a)), yb = r(stopY(b));
		const gap = gaps[Math.max(ca, cb) + (ca === cb ? 1 : 0)];
		if (ca === cb) {
			const deep = Math.min(gap.bend, 14 + Math.abs(yb - ya) * 0.12) * 1.3;
			d += "H" + r(gap.from) + "C" + [gap.from + deep, ya, gap.from + deep, yb, gap.from, yb].map(r).join(" ");
		} else {
			const from = ca < cb ? gap.from : gap.to, to = ca < cb ? gap.to : gap.from;
			const middle = (from + to) / 2;
			d += "H" + r(from) + "C" + [middle, ya, middle, yb, to, yb].map(r).join(" ");
		}
	}
	line.path = d + "H" + r(x1);
	const gap = gaps[end.entity.column + (end.side > 0 ? 1 : 0)];
	line.end = { x: end.side > 0 ? end.entity.right : end.entity.left, y: stopY(end), side: end.side };
	line.mark = { x: end.side > 0 ? Math.max(gap.from - 6, line.end.x + 16) : Math.min(gap.to + 6, line.end.x - 16), y: stopY(end) };
	line.start = { x: x0, y: stopY(first) };
}
