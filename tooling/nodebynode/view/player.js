// Plays a film of the cluster (film.py), live in a notebook or in a page alone. What is the same
// in two frames is not touched: it keeps focus and animation.
// player.html has the controls and words; player.css hides and shows.

const MOTION = 250; // ms that something moves
const PACE = 100; // ms between frames; live, the kernel has its own pace
const IDLE = 3000; // ms a frame plays, at most
const QUIET = 2000; // ms between announcements
const SILENCE = 6000; // ms; a kernel is heard of every 2 s
const MOST = 300; // animated changes in a frame

class Film {
	parts = {}; // by number: a group's SVG, or the HTML of a table's row
	frames = []; // each with the numbers of its parts
	marks = [];
	traffic = {}; // by frame: sort, height, words
	first = 0; // the number of frames[0]
	life = ""; // what is wrong, in words

	get last() {
		return this.first + this.frames.length - 1;
	}

	/** Take in a film, or what came after it; false where something was missed. */
	hear(told) {
		if (told.version) Object.assign(this, new Film(), { first: told.from });
		this.heard = Date.now();
		this.life = told.life ?? this.life;
		const { from = this.last + 1, first = this.first, parts = {}, frames = [], marks = [], gone = [] } = told;
		if (from !== this.last + 1) return false;
		for (const [number, part] of Object.entries(parts)) {
			const [base, head, middle, tail] = part, old = this.parts[base];
			this.parts[number] = old ? old.slice(0, head) + middle + old.slice(old.length - tail) : part;
		}
		for (const frame of frames) {
			const all = frame.key ? [] : [...this.frames.at(-1).parts];
			for (const hunk of frame.hunks) all.splice(...hunk);
			this.frames.push({ ...frame, parts: all });
		}
		this.marks.push(...marks);
		Object.assign(this.traffic, told.traffic);
		this.frames.splice(0, first - this.first);
		this.first = first;
		for (const number of gone) delete this.parts[number];
		return true;
	}
}

// A picture, and its tables.
const makePane = ({ children: [caption, stage, tables] }) => {
	const svg = stage.firstChild, groups = new Map(); // by id: its SVG, and its element
	let rows = [], size = [1, 1], scale = 0;
	svg.onanimationend = ({ target }) => target.remove();

	// Bring a group up to date, or make it.
	const put = (id, text, g) => {
		const known = groups.get(id)?.g, title = g.querySelector("title")?.textContent;
		groups.set(id, { text, g: known ?? g });
		g.removeAttribute("id"); // it may be shown twice
		if (title) Object.assign(g, { role: "img", ariaLabel: title, tabIndex: -1 });
		if (!known) return;
		known.setAttribute("class", g.getAttribute("class"));
		known.ariaLabel = g.ariaLabel;
		known.replaceChildren(...g.childNodes);
	};

	const draw = (texts, moving) => {
		const gone = [...groups.keys()].filter((id) => !texts.has(id));
		const fresh = [...texts.keys()].filter((id) => groups.get(id)?.text !== texts.get(id));
		moving &&= fresh.length + gone.length <= MOST && !document.hidden
			&& !matchMedia("(prefers-reduced-motion: reduce)").matches;
		const boxes = () => moving ? fresh.map((id) => groups.get(id)?.g.getBBox()) : [];
		const before = boxes(), held = svg.contains(document.activeElement);
		if (!moving) svg.querySelectorAll("[aria-hidden]").forEach((g) => g.remove());
		for (const id of gone) {
			const { g } = groups.get(id);
			groups.delete(id);
			if (moving && g.role) g.outerHTML = `<g aria-hidden="true">${g.innerHTML}</g>`;
			else g.remove();
		}
		const source = document.createElement("template");
		source.innerHTML = `<svg>${fresh.map((id) => texts.get(id)).join("")}</svg>`;
		const drawn = [...source.content.firstChild.children];
		fresh.forEach((id, index) => put(id, texts.get(id), drawn[index]));
		let next = svg.firstChild;
		for (const id of texts.keys()) {
			const { g } = groups.get(id);
			while (next?.ariaHidden) next = next.nextSibling;
			if (g === next) next = g.nextSibling;
			else svg.insertBefore(g, next);
		}
		const home = () => svg.querySelector("[tabindex='0']");
		if (!home()) svg.querySelector("[role=img]")?.setAttribute("tabindex", 0);
		if (held && !svg.contains(document.activeElement)) home()?.focus();
		boxes().forEach(({ x, y }, index) => {
			const { g } = groups.get(fresh[index]), was = before[index];
			if (!was) g.animate({ opacity: [0, 1], scale: [0.9, 1] }, MOTION);
			else if (was.x !== x || was.y !== y)
				g.animate({ translate: [`${was.x - x}px ${was.y - y}px`, "0px"] }, MOTION);
		});
	};

	const resize = () => {
		svg.setAttribute("viewBox", `0 0 ${size.join(" ")}`);
		svg.style.width = `${size[0] * scale}px`;
	};
	const write = () => {
		if (tables.offsetParent) tables.innerHTML = rows.join("");
	};
	const show = (film, number, moving) => {
		const frame = film.frames[number - film.first], parts = frame.parts.map((n) => film.parts[n]);
		const groups = parts.filter((part) => part.startsWith("<g"));
		rows = parts.filter((part) => part.startsWith("<t"));
		size = frame.size;
		caption.textContent = frame.at;
		svg.ariaLabel = frame.sentence;
		resize();
		write();
		draw(new Map(groups.map((text) => [text.split('"')[1], text])), moving);
	};
	const fit = (once) => {
		if (once && scale) return;
		scale = Math.min(1.4, stage.clientWidth / size[0]);
		resize();
	};
	return { show, fit, write };
};

/** Show a film in an element, with the markup of player.html. */
export function mount(el, page, film, live) {
	el.innerHTML = page;
	const root = el.firstElementChild, ui = {};
	for (const part of root.querySelectorAll("[data-ui]")) ui[part.dataset.ui] = part;
	const panes = [...ui.panes.children].map(makePane), [pinned, pane] = panes;
	let at = -1, playing, follow, since, rest = 0, news = [], pointed, quiet;

	const set = (name, on) => {
		const now = root.classList.toggle(`nbn-${name}`, on);
		ui[name]?.setAttribute("aria-pressed", now);
	};
	const point = (g) => {
		pointed = g;
		ui.point.textContent = g?.isConnected ? g.ariaLabel : "";
	};
	const speak = () => {
		if (news.length > 4) news.splice(4, news.length, `And ${news.length - 4} more.`);
		quiet = news.length && setTimeout(speak, QUIET);
		if (quiet) ui.voice.textContent = news.join(" ");
		news = [];
	};

	const sent = () => film.traffic[at]?.[2] ?? "";
	const tell = () => (ui.sent.textContent = sent() || "no requests");

	const show = (number, moving) => {
		const { first, last, frames } = film, began = performance.now(), before = at;
		at = Math.max(first, Math.min(last, number));
		pane.show(film, at, moving);
		const { at: time, sentence } = frames[at - first];
		Object.assign(ui.scrub, { value: at, ariaValueText: `${time}, ${sentence} ${sent()}` });
		tell();
		ui.where.textContent = `${time} · step ${at + 1}`;
		const from = moving && before >= first ? before + 1 : at;
		const shown = root.matches(".nbn-aloud") ? frames.slice(from - first, at - first + 1) : [];
		news.push(...shown.flatMap(({ said = [] }) => said));
		const lost = shown.map((_, n) => film.traffic[from + n]).filter((one) => one?.[0] === 1);
		news.unshift(...lost.map((one) => one[2])); // the others may be too many to be read
		if (!quiet) speak();
		point(pointed);
		since = performance.now();
		rest = since + Math.max(follow ? 20 : PACE, 4 * (since - began));
	};
	const play = (on, newest = false) => {
		[playing, follow, since] = [on, newest, performance.now()];
		set("playing", on);
		set("live", newest);
	};
	const seek = (number) => {
		play(false);
		show(number);
	};

	const tick = () => {
		set("lost", live && Date.now() - film.heard > SILENCE);
		if (ui.life.textContent !== film.life) ui.life.textContent = film.life;
		set("cut", film.first);
		if (at >= 0) pane.fit(true);
		const now = performance.now(), { first, last, frames } = film, speed = ui.speed.value;
		if (!playing || now < rest) return;
		let next = follow && speed >= 1 ? last : Math.max(at, first), due = since;
		// Of those that are due, only the last is drawn.
		while (next < last && (due += Math.min(IDLE, frames[next + 1 - first].wait / speed)) <= now) next++;
		if (next !== at) show(next, true);
		if (at === last && !live) play(false);
	};

	const acts = {
		back: () => seek(at - 1),
		next: () => seek(at + 1),
		live: () => {
			show(film.last);
			play(true, true);
		},
		play: () => {
			if (at === film.last && !live) show(film.first);
			play(!playing);
		},
		fit: () => panes.forEach(({ fit }) => fit()),
		aloud: () => set("aloud"),
		table: () => {
			set("table");
			panes.forEach(({ write }) => write());
		},
		compare: () => {
			set("compare");
			pinned.show(film, at);
			acts.fit();
		},
	};
	ui.scrub.oninput = () => seek(+ui.scrub.value);
	ui.marks.onclick = ({ target }) => target.value && seek(+target.value);
	root.onclick = ({ target }) => film.frames.length && acts[target.closest("button")?.dataset.ui]?.();
	for (const type of ["pointerover", "focusin"])
		root.addEventListener(type, ({ target }) => point(target.closest("[role=img]") ?? pointed));
	root.onkeydown = (event) => {
		const { key, target } = event, boxes = [...target.parentNode.querySelectorAll("[role=img]")];
		const n = boxes.indexOf(target);
		const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, Home: -n, End: -n - 1 }[key];
		if (key === " " && !target.closest("button, select")) acts.play();
		else if (n >= 0 && step !== undefined) {
			const to = boxes.at((n + step) % boxes.length);
			for (const box of boxes) box.tabIndex = box === to ? 0 : -1;
			to.focus();
		} else return;
		event.preventDefault();
	};

	const row = ({ first, last, traffic }) => {
		const d = ["", "", ""], edge = (n) => Math.max(first, Math.min(Math.max(last, first + 1), n));
		const told = Object.entries(traffic).filter(([n, one]) => one && n >= first);
		for (const [n, [sort, high]] of told) {
			const left = edge(n - 0.5), right = edge(+n + 0.5), top = 24 - high;
			d[sort] += `M${left} 24V${top}L${(left + right) / 2} ${top - 6 * (sort === 1)}L${right} ${top}V24z`;
		}
		d.forEach((line, sort) => ui.row.children[sort].setAttribute("d", line));
		set("loaded", d.join(""));
		tell();
	};
	const hear = () => {
		const { first, last, frames, marks } = film;
		row(film);
		const lines = frames.map(({ changes = 1 }, n) => `M${first + n} 10v-${Math.min(7, changes + 2)}`);
		for (const { frame } of marks) lines.push(`M${frame} 0v10`);
		ui.scrub.min = first;
		ui.scrub.max = last;
		ui.steps.textContent = last + 1;
		ui.ticks.setAttribute("viewBox", `${first} 0 ${Math.max(1, last - first)} 10`);
		ui.row.setAttribute("viewBox", `${first} 0 ${Math.max(1, last - first)} 24`);
		ui.ticks.firstChild.setAttribute("d", lines.join(""));
		for (const { html } of marks.slice(ui.marks.children.length))
			ui.marks.insertAdjacentHTML("beforeend", html);
		tick();
	};
	play(live, live);
	hear();
	if (!live) show(film.first);
	const timer = setInterval(tick, PACE);
	return { hear, show, close: () => clearInterval(timer) };
}

export default {
	render({ model, el }) {
		const film = new Film(), view = mount(el, model.get("page"), film, true);
		const ask = () => model.send({ want: "all" });
		model.on("msg:custom", (told) => {
			film.hear(told) || ask();
			view.hear();
		});
		ask();
		const awake = setInterval(() => model.send({}), 60000);
		return () => {
			clearInterval(awake);
			view.close();
		};
	},
};
