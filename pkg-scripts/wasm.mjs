// What tools of ours read of WebAssembly modules: sections, functions and their names.

function reader(bytes, at) {
  return {
    at,
    /** LEB128 */
    number() {
      let value = 0;
      for (let shift = 0; ; shift += 7) {
        const byte = bytes[this.at++];
        value += (byte & 127) * 2 ** shift;
        if (byte < 128) return value;
      }
    },
    text() {
      const length = this.number();
      this.at += length;
      return Buffer.from(bytes.subarray(this.at - length, this.at)).toString("utf8");
    },
  };
}

/** A number as LEB128. */
export function written(number) {
  const bytes = [];
  for (; number >= 128; number = Math.floor(number / 128)) bytes.push((number % 128) + 128);
  return Buffer.from([...bytes, number]);
}

/** A section of these contents. */
export const section = (id, ...contents) => {
  const content = Buffer.concat(contents);
  return Buffer.concat([Buffer.from([id]), written(content.length), content]);
};

/** A module's sections: `from` is where one begins, `start` and `end` hold its contents; `name` is that of a custom one. */
export function* sections(bytes) {
  const read = reader(bytes, 8);
  while (read.at < bytes.length) {
    const from = read.at;
    const id = bytes[read.at++];
    const length = read.number();
    const start = read.at;
    const name = id === 0 ? read.text() : "";
    yield { id, name, from, start, end: start + length };
    read.at = start + length;
  }
}

/** How many functions a module imports, its own with their names and bodies (with their length before them), and the bytes of its data. */
export function functions(bytes) {
  let [imported, data] = [0, 0];
  const [bodies, names] = [[], new Map()];
  for (const { id, name, start, end } of sections(bytes)) {
    const read = reader(bytes, start);
    if (name === "name") {
      read.text();
      while (read.at < end) {
        const kind = bytes[read.at++];
        const length = read.number();
        const next = read.at + length;
        // 1: the names of functions
        for (let left = kind === 1 ? read.number() : 0; left > 0; left--) names.set(read.number(), read.text());
        read.at = next;
      }
    } else if (id === 2) {
      for (let left = read.number(); left > 0; left--) {
        read.text();
        read.text();
        const kind = bytes[read.at++];
        if (kind === 0) imported++;
        skipImport(read, bytes, kind);
      }
    } else if (id === 10) {
      for (let left = read.number(); left > 0; left--) {
        const from = read.at;
        const length = read.number();
        read.at += length;
        bodies.push({ body: bytes.subarray(from, read.at), size: length });
      }
    } else if (id === 11) {
      data = end - start;
    }
  }
  const named = bodies.map((body, i) => ({ name: names.get(imported + i) ?? "(no name)", ...body }));
  return { imported, functions: named, data };
}

function skipImport(read, bytes, kind) {
  const limits = () => {
    const flags = bytes[read.at++];
    read.number();
    if (flags & 1) read.number();
  };
  if (kind === 0) read.number();
  else if (kind === 3) read.at += 2;
  else {
    if (kind === 1) read.at++;
    limits();
  }
}
