// Numbers, times and bytes as people read them.

const units = ['B', 'KiB', 'MiB', 'GiB'];

// With at most so many decimals, and none where they would say nothing.
export function bytes(count, decimals = 1) {
  let unit = 0;
  let value = count;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  const digits = unit === 0 || value >= 100 || Number.isInteger(value) ? 0 : decimals;
  return `${value.toFixed(digits)} ${units[unit]}`;
}

export function clock(date) {
  const two = (number) => String(number).padStart(2, '0');
  const thousandths = String(date.getMilliseconds()).padStart(3, '0');
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${thousandths}`;
}

const strict = new TextDecoder('utf-8', { fatal: true });

// A string if all of it is readable UTF-8, else null. Control characters make it binary.
export function readable(data) {
  try {
    const text = strict.decode(data);
    return /[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f]/.test(text) ? null : text;
  } catch {
    return null;
  }
}

export function hex(data, count) {
  const shown = Array.from(data.subarray(0, count), (byte) => byte.toString(16).padStart(2, '0'));
  return shown.join(' ') + (data.length > count ? ' …' : '');
}

// Cut at a code point, with line ends made visible.
export function oneLine(text, count) {
  const line = text.replace(/\r?\n$/, '').replaceAll('\r\n', '⏎').replaceAll('\n', '⏎');
  const points = Array.from(line.slice(0, 2 * count + 2));
  return points.length > count ? points.slice(0, count).join('') + '…' : points.join('');
}
