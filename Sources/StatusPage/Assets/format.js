// Numbers, sizes and times as people read them.

const WHOLE = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

/** `12,345`; a dash where nothing is known. */
export const count = (value) => (typeof value === "number" ? WHOLE.format(value) : "–");

/** `1.2k`, for places that are narrow. */
export function short(value) {
  if (typeof value !== "number") return "–";
  for (const [size, unit] of [[1e9, "G"], [1e6, "M"], [1e3, "k"]]) {
    if (Math.abs(value) >= size) {
      const scaled = value / size;
      return `${scaled.toFixed(scaled < 9.95 ? 1 : 0)}${unit}`;
    }
  }
  return WHOLE.format(value);
}

/** `310/s`, `0.4/s`. */
export function rate(value) {
  if (typeof value !== "number") return "–";
  if (value === 0) return "0/s";
  return value >= 10 ? `${short(Math.round(value))}/s` : `${value.toFixed(1)}/s`;
}

/** `3.4 MB`. */
export function bytes(value) {
  if (typeof value !== "number") return "–";
  const units = ["B", "kB", "MB", "GB", "TB"];
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit > 0 && value < 100 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

/** `42 s`, `3 min`, `5 h`, `12 d`. */
export function duration(seconds) {
  if (typeof seconds !== "number") return "–";
  const whole = Math.max(0, seconds);
  if (whole < 10 && whole % 1 !== 0) return `${whole.toFixed(1)} s`;
  if (whole < 120) return `${Math.round(whole)} s`;
  if (whole < 7200) return `${Math.round(whole / 60)} min`;
  if (whole < 172800) return `${Math.round(whole / 3600)} h`;
  return `${Math.round(whole / 86400)} d`;
}

/** The age of a time in milliseconds: `3 min ago`. */
export const ago = (time, now) => (typeof time === "number" ? `${duration((now - time) / 1000)} ago` : "never");

/** A time of day, with its day where that is not today. */
export function clock(time) {
  if (typeof time !== "number") return "–";
  const date = new Date(time);
  const two = (number) => String(number).padStart(2, "0");
  const hours = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  const isToday = date.toDateString() === new Date().toDateString();
  return isToday ? hours : `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${hours}`;
}

/** Seconds of a video: `83.40`. */
export const seconds = (value) => (typeof value === "number" ? value.toFixed(2) : "–");

/** A figure of any size, in a few digits. */
export function figure(value) {
  if (typeof value !== "number") return "–";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1000 || Number.isInteger(value)) return count(value);
  return size >= 0.001 ? String(Number(value.toPrecision(4))) : value.toExponential(2);
}

/** `one letter`, `2 letters`. */
export const many = (number, one, more = `${one}s`) => `${count(number)} ${number === 1 ? one : more}`;
