// SPDX-License-Identifier: Apache-2.0
// layout.js - which column each card stands in, and in which order: who calls to the left of who is called.
//
// The same map gives the same picture: nothing here is random, ties go by the order of the cards,
// which follows their traffic and names.

/* Lines between cards, both ways added: [{from, to, weight}] and the same by card. */
function cardLinks(scene) {
	const links = new Map();
	for (const line of scene.lines) {
		const a = line.src.card.index, b = line.dst.card.index;
		if (a === b)
			continue;
		const key = a * CARDS_MAX * 2 + b;
		if (!links.has(key))
			links.set(key, { from: a, to: b, weight: 0 });
		links.get(key).weight += 1 + Math.log2(1 + line.edges.length);
	}
	const all = [...links.values()];
	const by = scene.cards.map(() => []);
	for (const link of all) {
		by[link.from].push(link);
		by[link.to].push(link);
	}
	return { all, by };
}

/*
 * An order of the cards in which few links go backwards: sources first, sinks last, and of what
 * is in circles first the one that calls most more than it is called (Eades, Lin, Smyth 1993).
 */
function linearOrder(n, links) {
	const head = [], tail = [], left = new Set(Array(n).keys());
	const out = Array(n).fill(0), into = Array(n).fill(0);
	for (const link of links.all) {
		out[link.from] += link.weight;
		into[link.to] += link.weight;
	}
	const take = (i, where) => {
		left.delete(i);
		where.push(i);
		for (const link of links.by[i]) {
			out[link.from] -= link.weight;
			into[link.to] -= link.weight;
		}
	};
	const none = (x) => x < 1e-6;
	while (left.size) {
		let best = -1;
		for (const i of left) {
			if (none(out[i])) {
				take(i, tail);
				best = -2;
			} else if (none(into[i])) {
				take(i, head);
				best = -2;
			} else if (best === -1 || (best >= 0 && out[i] - into[i] > out[best] - into[best] + 1e-6)) {
				best = i;
			}
		}
		if (best >= 0)
			take(best, head);
	}
	return head.concat(tail.reverse());
}

/* Columns by the longest way from a source along the order, squeezed into @columns. */
function firstColumns(n, links, columns) {
	const order = linearOrder(n, links), at = Array(n), rank = Array(n).fill(0);
	order.forEach((card, i) => { at[card] = i; });
	for (const card of order) {
		for (const link of links.by[card]) {
			if (link.from === card && at[link.to] > at[card])
				rank[link.to] = Math.max(rank[link.to], rank[card] + 1);
		}
	}
	const deepest = Math.max(1, ...rank);
	return rank.map((r) => deepest < columns ? r : Math.round(r * (columns - 1) / deepest));
}

function linkCost(link, column) {
	const steps = column[link.to] - column[link.from];
	if (steps > 0)
		return link.weight * (steps - 1) * 0.4;
	return link.weight * (steps === 0 ? 1.6 : 1.4 - steps * 0.4);
}

/*
 * Moves cards one at a time while the picture gets shorter lines and evener columns; columns that
 * fit the room do not press.
 */
function improveColumns(scene, links, column, columns, room) {
	const height = scene.cards.map((card) => cardGuess(card));
	const full = Array(columns).fill(0);
	const fair = Math.max(room.h * 0.75, height.reduce((a, b) => a + b, 0) / columns);
	const press = 2 + links.all.length / Math.max(1, scene.cards.length);
	column.forEach((c, i) => { full[c] += height[i]; });
	const cost = (i, c) => {
		const before = column[i];
		column[i] = c;
		let sum = links.by[i].reduce((s, link) => s + linkCost(link, column), 0);
		column[i] = before;
		const others = full[c] - (c === before ? height[i] : 0);
		sum += press * (height[i] / fair) * (others + height[i] / 2) / fair;
		return sum;
	};
	for (let round = 0, moved = true; round < 12 && moved; round++) {
		moved = false;
		for (let i = 0; i < column.length; i++) {
			let best = column[i], least = cost(i, best) - 1e-6;
			for (let c = 0; c < columns; c++) {
				const price = cost(i, c);
				if (c !== column[i] && price < least) {
					best = c;
					least = price;
				}
			}
			if (best !== column[i]) {
				full[column[i]] -= height[i];
				full[best] += height[i];
				column[i] = best;
				moved = true;
			}
		}
	}
}

/* About how high a card will be, before it is known which side its lines are on. */
function cardGuess(card) {
	return 40 + card.items.reduce((sum, item) => sum + Math.max(26, item.lines.length * 8), 0);
}

/* Numbers the columns that are used 0, 1, 2 ... Returns how many. */
function closeGaps(column) {
	const used = [...new Set(column)].sort((a, b) => a - b);
	column.forEach((c, i) => { column[i] = used.indexOf(c); });
	return used.length;
}

/*
 * What stands in each column: cards, and in between a place for the lines that pass through.
 * Lines between the same two cards pass together.
 */
function makeColumns(scene, column, columns) {
	const ret = Array.from({ length: columns }, () => []);
	const passes = new Map();
	for (const card of scene.cards) {
		card.column = column[card.index];
		card.stops = [];
		ret[card.column].push(card);
	}
	for (const line of scene.lines) {
		const from = line.src.card.column, to = line.dst.card.column, step = Math.sign(to - from);
		line.stops = [{ line, entity: line.src.card, item: line.src }];
		for (let c = from + step; step && c !== to; c += step) {
			const key = line.src.card.index + "|" + line.dst.card.index + "|" + c;
			let pass = passes.get(key);
			if (!pass) {
				passes.set(key, pass = { pass: true, column: c, stops: [] });
				ret[c].push(pass);
			}
			line.stops.push({ line, entity: pass });
		}
		line.stops.push({ line, entity: line.dst.card, item: line.dst });
		line.stops[0].side = step >= 0 ? 1 : -1;
		line.stops[line.stops.length - 1].side = step > 0 ? -1 : 1;
		line.stops.forEach((stop, i) => {
			stop.index = i;
			stop.entity.stops.push(stop);
		});
	}
	return ret;
}

/* Entities of the neighbouring columns that lines lead to, with their number. */
function linkEntities(columns) {
	for (const entity of columns.flat()) {
		entity.links = new Map();
		for (const stop of entity.stops) {
			for (const other of [stop.line.stops[stop.index - 1], stop.line.stops[stop.index + 1]]) {
				if (other && other.entity.column !== entity.column)
					entity.links.set(other.entity, (entity.links.get(other.entity) || 0) + 1);
			}
		}
	}
}

/* Lines that cross between two columns, counted with a binary indexed tree. */
function crossings(left) {
	const pairs = [];
	let size = 1;
	for (const a of left) {
		for (const [b, n] of a.links) {
			if (b.column === a.column + 1) {
				pairs.push([a.place, b.place, n]);
				size = Math.max(size, b.place + 1);
			}
		}
	}
	pairs.sort((p, q) => p[0] - q[0] || p[1] - q[1]);
	const tree = new Float64Array(size + 1);
	let sum = 0, total = 0;
	for (const [, b, n] of pairs) {
		let below = 0;
		for (let i = b + 1; i > 0; i -= i & -i)
			below += tree[i];
		sum += (total - below) * n;
		total += n;
		for (let i = b + 1; i <= size; i += i & -i)
			tree[i] += n;
	}
	return sum;
}

/* Orders every column by where its lines lead, to and fro, and keeps the best that was seen. */
function orderColumns(columns) {
	linkEntities(columns);
	const number = (column) => column.forEach((entity, i) => { entity.place = i; });
	columns.forEach(number);
	let best = null, least = Infinity;
	for (let round = 0; round < 14; round++) {
		const way = round % 2 ? -1 : 1;
		const sequence = way > 0 ? columns : [...columns].reverse();
		for (const column of sequence) {
			for (const entity of column) {
				let sum = 0, n = 0;
				for (const [other, weight] of entity.links) {
					if ((entity.column - other.column) * way > 0 || round > 9) {
						sum += (other.place + 0.5) / columns[other.column].length * weight;
						n += weight;
					}
				}
				entity.middle = n ? sum / n : (entity.place + 0.5) / column.length;
			}
			column.sort((a, b) => a.middle - b.middle || a.place - b.place);
			number(column);
		}
		const now = columns.reduce((sum, column) => sum + crossings(column), 0);
		if (now < least) {
			least = now;
			best = columns.map((column) => column.slice());
		}
		if (!now)
			break;
	}
	best.forEach((column, i) => {
		columns[i] = column;
		number(column);
	});
	return least;
}

/*
 * layoutScene - places everything. Tries a few numbers of columns, with and without words on the
 * lines, and takes what is largest in the room there is: {w, h} in pixels.
 */
function layoutScene(scene, room) {
	const links = cardLinks(scene), n = scene.cards.length;
	const many = scene.lines.length > 400;
	let best = null;
	if (!n)
		return { width: 0, height: 0, labels: false };
	const first = firstColumns(n, links, n);
	const most = Math.min(Math.max(...first) + 1, 7, n);
	for (let columns = Math.min(2, most); columns <= most; columns++) {
		for (const labels of many ? [false] : [true, false]) {
			const column = firstColumns(n, links, columns);
			improveColumns(scene, links, column, columns, room);
			const used = closeGaps(column);
			const size = placeScene(scene, makeColumns(scene, column, used), labels);
			const fit = Math.min(room.w / size.width, room.h / size.height, 1);
			const bad = links.all.reduce((s, l) => s + (column[l.to] <= column[l.from] ? l.weight : 0), 0) /
				(1 + links.all.reduce((s, l) => s + l.weight, 0));
			const score = fit * (labels ? 1.3 : 1) * Math.max(0.1, 1 - 1.5 * bad);
			if (!best || score > best.score + 1e-9)
				best = { score, column, used, labels };
		}
		if (many && columns >= 5)
			break;
	}
	return placeScene(scene, makeColumns(scene, best.column, best.used), best.labels);
}
