// A load's last seconds (strip.py). Pictures come ready; what is said aloud is said seldom.
const SILENCE = 3000; // ms; a strip is told of twice a second

export default {
	render({ model, el }) {
		const figure = document.createElement("div"), said = document.createElement("p");
		said.setAttribute("role", "status"); // polite: it waits until a reader has finished
		el.append(figure, said);
		let timer;
		const hear = ({ html, news, ended }) => {
			clearTimeout(timer);
			figure.innerHTML = html;
			if (said.textContent !== news) said.textContent = news;
			if (!ended) timer = setTimeout(() => { said.textContent = "Stale: the kernel says nothing more."; }, SILENCE);
		};
		model.on("msg:custom", hear);
		model.send({ want: "now" });
		return () => {
			clearTimeout(timer);
			model.off("msg:custom", hear);
		};
	},
};
