/* Draw every chart of the page from its data block. Colours come from app.css, so a chart follows the theme.
   SVG renderer and rich-text tooltips: nothing here needs inline styles. */
(() => {
  "use strict";
  const drawn = new Map();
  const print = matchMedia("print");
  const css = () => getComputedStyle(document.documentElement);
  const palette = () => {
    const look = css();
    const get = (name) => look.getPropertyValue(`--${name}`).trim();
    return {
      accent: get("accent"), ink: get("ink-2"), quiet: get("ink-3"), second: get("second"), third: get("third"), pale: get("line-2"), line: get("line"), line2: get("line-2"),
      surface: get("surface"), text: get("ink"), pass: get("pass"), warn: get("warn-mark"), fail: get("fail"), sans: get("sans"),
    };
  };
  const ORDER = ["accent", "ink", "second", "third", "quiet"];
  const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
  const day = (value) => {
    const date = new Date(value);
    return `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]}`;
  };
  const number = (data) => (value) => value === null || value === undefined || Number.isNaN(value) ? "no data"
    : data.digits === undefined ? String(Number(Number(value).toPrecision(4))) : Number(value).toFixed(data.digits);
  const point = (data, x, value) => (data.time ? [Date.parse(x), value] : value);
  const clear = (text) => ({ color: text, backgroundColor: "transparent", borderWidth: 0, textBorderWidth: 0 });

  /* Room to the right for the names that stand at the ends of the lines. */
  const margin = (names) => Math.min(190, 24 + Math.max(0, ...names.map((name) => name.length)) * 6.6);

  const limitLines = (data, colours, label) => (data.limits ?? []).map((limit) => ({
    yAxis: limit.value,
    lineStyle: { color: colours[limit.tone] ?? colours.fail, width: 1, type: [5, 4] },
    label: { formatter: `${limit.label} ${label(limit.value)}`, position: "insideStartTop", distance: 2, padding: [0, 0, 5, 2], fontSize: 11, ...clear(colours[limit.tone] ?? colours.fail) },
  }));
  const marks = (data, colours) => (data.marks ?? []).map((mark) => ({
    xAxis: data.time ? Date.parse(mark.x) : mark.x,
    lineStyle: { color: mark.kind === "incident" ? colours.fail : colours.quiet, width: 1, type: mark.kind === "incident" ? "dashed" : "solid" },
    label: { formatter: `${mark.kind === "incident" ? "▲" : "◆"} ${mark.label}`, position: "end", distance: 5, fontSize: 11, ...clear(mark.kind === "incident" ? colours.fail : colours.quiet) },
  }));

  /* Names at the right edge, level with each line's last known value and moved apart where they would touch. */
  const namesAtEnd = (data, colours, height) => {
    const gap = ((data.max - data.min) / Math.max(60, height - 60)) * 15;
    const ends = data.series.map((series, index) => ({
      name: series.name, colour: colours[series.tone] ?? colours[ORDER[index % ORDER.length]], at: series.values.findLast((value) => value !== null) ?? data.min,
    })).sort((a, b) => a.at - b.at);
    for (let index = 1; index < ends.length; index += 1) ends[index].at = Math.max(ends[index].at, ends[index - 1].at + gap);
    const last = data.x.at(-1);
    return ends.map((end) => ({
      coord: [data.time ? Date.parse(last) : last, Math.min(end.at, data.max)], symbol: "circle", symbolSize: 0.1,
      label: { show: true, formatter: end.name, position: "right", distance: 8, fontSize: 12, fontWeight: 500, ...clear(end.colour) },
    }));
  };
  const seriesOf = (data, colours, label, names) => data.series.map((series, index) => {
    const colour = colours[series.tone] ?? colours[ORDER[index % ORDER.length]];
    const isBar = data.kind === "bar";
    return {
      name: series.name, type: isBar ? "bar" : "line", connectNulls: false, showSymbol: false, symbol: "circle", symbolSize: 5,
      barMaxWidth: 28, barGap: "12%", itemStyle: { color: colour, borderRadius: isBar ? [2, 2, 0, 0] : 0 },
      lineStyle: { color: colour, width: index ? 1.5 : 2, type: series.dashed ? [5, 4] : "solid", cap: "round", join: "round" },
      data: series.values.map((value, at) => {
        const lonely = value !== null && (series.values[at - 1] ?? null) === null && (series.values[at + 1] ?? null) === null;
        return { value: point(data, data.x[at], value), symbol: lonely ? "circle" : "none", itemStyle: { color: colour, opacity: series.opacity?.[at] ?? 1 } };
      }),
      emphasis: { disabled: true }, z: 5 - Math.min(index, 3),
      ...(index ? {} : {
        markLine: { silent: true, symbol: "none", animation: false, data: [...limitLines(data, colours, label), ...marks(data, colours)] },
        markPoint: { silent: true, animation: false, data: names },
        markArea: { silent: true, itemStyle: { color: colours.pass, opacity: 0.09 }, label: { position: "insideBottomRight", fontSize: 11, ...clear(colours.quiet) },
          data: data.reference ? [[{ yAxis: data.reference[0], name: "reference" }, { yAxis: data.reference[1] }]] : [] },
      }),
    };
  });
  const bandOf = (data, colours) => data.band ? [
    { name: "", type: "line", stack: "band", silent: true, symbol: "none", lineStyle: { opacity: 0 }, data: data.band.low.map((low, at) => point(data, data.x[at], low)), tooltip: { show: false } },
    { name: "", type: "line", stack: "band", silent: true, symbol: "none", lineStyle: { opacity: 0 }, areaStyle: { color: colours.accent, opacity: 0.13 },
      data: data.band.high.map((high, at) => point(data, data.x[at], high === null ? null : high - data.band.low[at])), tooltip: { show: false } },
  ] : [];

  const option = (data, colours, width, height) => {
    const label = number(data);
    const many = data.series.length > 1;
    const isLine = data.kind !== "bar";
    const room = isLine && many && width > 460;
    const right = room ? margin(data.series.map((series) => series.name)) : 12;
    const axis = { axisTick: { show: false }, axisLabel: { fontSize: 11, hideOverlap: true, color: colours.quiet } };
    return {
      animation: false, aria: { enabled: false }, textStyle: { fontFamily: colours.sans, color: colours.quiet },
      grid: { left: 4, right, top: (data.marks?.length ? 26 : 14) + (many && !room ? 24 : 0), bottom: 4, outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
      legend: { show: many && !room, top: 0, left: 0, itemWidth: 14, itemHeight: 3, icon: isLine ? "rect" : "roundRect", textStyle: { color: colours.ink, fontSize: 12 }, data: data.series.map((series) => series.name) },
      tooltip: {
        trigger: "axis", renderMode: "richText", confine: true, backgroundColor: colours.surface, borderColor: colours.line2, borderWidth: 1, padding: [8, 10],
        textStyle: { color: colours.text, fontSize: 12, fontFamily: colours.sans }, axisPointer: { type: isLine ? "line" : "shadow", lineStyle: { color: colours.line2, type: "solid" } },
        formatter: (points) => [data.time ? day(points[0].value[0]) : points[0].axisValueLabel,
          ...points.filter((one) => one.seriesName).map((one) => `${one.seriesName}   ${label(Array.isArray(one.value) ? one.value[1] : one.value)}`)].join("\n"),
      },
      xAxis: { ...axis, type: data.time ? "time" : "category", data: data.time ? undefined : data.x, boundaryGap: data.kind === "bar", axisLine: { lineStyle: { color: colours.line2 } },
        splitNumber: Math.max(2, Math.floor(width / 130)), axisLabel: { ...axis.axisLabel, ...(data.time ? { formatter: day } : isLine ? {} : { interval: 0, hideOverlap: false, width: Math.max(30, (width - 70) / data.x.length - 6), overflow: "break", lineHeight: 13 }) } },
      yAxis: { ...axis, type: "value", scale: isLine, min: data.min, max: data.max, splitNumber: 4, splitLine: { lineStyle: { color: colours.line } }, axisLabel: { ...axis.axisLabel, formatter: (value) => String(Number(value.toPrecision(6))) } },
      series: [...bandOf(data, colours), ...seriesOf(data, colours, label, room ? namesAtEnd(data, colours, height) : [])],
    };
  };
  /* An axis that also reaches the limits: a threshold that nobody sees is none. */
  const reach = (data) => {
    const values = [...data.series.flatMap((one) => one.values), ...(data.limits ?? []).map((one) => one.value), ...(data.reference ?? []), ...(data.band ? [...data.band.low, ...data.band.high] : [])].filter((one) => one !== null);
    if (data.kind === "bar" || !values.length) return {};
    const low = Math.min(...values);
    const high = Math.max(...values);
    const span = (high - low) || Math.abs(high) || 1;
    const step = 10 ** Math.floor(Math.log10(span / 4));
    const tidy = [1, 2, 5, 10].map((one) => one * step).find((one) => span / one <= 5) ?? step;
    const round = (value) => Number(value.toPrecision(12));
    return { min: data.min ?? round(Math.floor((low - span * 0.04) / tidy) * tidy), max: data.max ?? round(Math.ceil((high + span * 0.04) / tidy) * tidy) };
  };

  const draw = (place) => {
    const block = document.getElementById(place.dataset.chart);
    if (!block) return;
    const given = JSON.parse(block.textContent);
    const data = { ...given, ...reach(given) };
    const chart = drawn.get(place) ?? echarts.init(place, null, { renderer: "svg" });
    drawn.set(place, chart);
    chart.setOption(option(data, palette(), place.clientWidth, place.clientHeight), true);
  };
  const drawAll = (within) => within.querySelectorAll("[data-chart]").forEach(draw);
  const redraw = () => {
    for (const [place, chart] of drawn) {
      if (place.isConnected) { chart.resize(); draw(place); }
      else { chart.dispose(); drawn.delete(place); }
    }
  };

  drawAll(document);
  document.addEventListener("htmx:after:swap", () => { redraw(); drawAll(document); });
  document.addEventListener("theme:changed", redraw);
  print.addEventListener("change", redraw);
  let waiting;
  addEventListener("resize", () => { clearTimeout(waiting); waiting = setTimeout(redraw, 120); });
})();
