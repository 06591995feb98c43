// A JavaScript regular expression as a `pattern` of JSON Schema, which has no flags, reads strings as code points, and is read
// by an engine that refuses some spellings of JavaScript's. The pattern takes whatever the expression takes; where that
// cannot be written there is none.

const ASTRAL = "[\\u{10000}-\\u{10FFFF}]";
// The engine reads these as Unicode's within look-around, and \b everywhere: spelled out, they are JavaScript's.
const MEMBERS = {
  d: "0-9",
  w: "A-Za-z0-9_",
  s: "\\u0009-\\u000d\\u0020\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000\\ufeff",
  D: "\\u0000-\\u002f\\u003a-\\u{10ffff}",
  W: "\\u0000-\\u002f\\u003a-\\u0040\\u005b-\\u005e\\u0060\\u007b-\\u{10ffff}",
  S:
    "\\u0000-\\u0008\\u000e-\\u001f\\u0021-\\u009f\\u00a1-\\u167f\\u1681-\\u1fff\\u200b-\\u2027\\u202a-\\u202e" +
    "\\u2030-\\u205e\\u2060-\\u2fff\\u3001-\\ufefe\\uff00-\\u{10ffff}",
};
// The engine writes a repetition out. Of classes with characters of all scripts this many fit into the gateway's bound.
const MOST_COPIES = 80;
const WORD = `[${MEMBERS.w}]`;
const unicode = (code) => `\\u${code.toString(16).padStart(4, "0")}`;

class Lost extends Error {}

/** The pattern of `regex`, and `lost`: why it has none, or takes more. */
export function patternOf(regex) {
  try {
    const exact = new Reader(regex);
    const found = exact.read();
    return exact.copies > MOST_COPIES ? new Reader(regex, true).read() : found;
  } catch (error) {
    if (error instanceof Lost) return { lost: error.message };
    throw error;
  }
}

class Reader {
  /** `coarse`: repetitions of what is large are not counted beyond eight. */
  constructor({ source, flags }, coarse = false) {
    this.source = source;
    this.flags = flags;
    this.coarse = coarse;
    this.copies = 0; // of what is large, written out
    this.large = false; // what a quantifier here repeats
    this.at = 0;
    this.looksAround = /\(\?<?[=!]/.test(source);
    this.wide = 0; // atoms that a surrogate matches, counted as often as they must occur
    this.repeated = false; // a group that must occur twice
    this.excludes = false; // a class of what must not occur, which other rules of upper and lower case would change
  }

  read() {
    const codePoints = /[uv]/.test(this.flags);
    if (this.flags.includes("m")) throw new Lost("flag m: ^ and $ also match at line breaks");
    if (this.flags.includes("v")) this.#mustMeanTheSameWithoutSets();
    if (!codePoints && /[\uD800-\uDFFF]/.test(this.source)) throw new Lost("a character beyond U+FFFF without flag u");
    let pattern = "";
    while (this.at < this.source.length) pattern += this.#atom(codePoints);
    if (this.flags.includes("i")) {
      if (this.excludes) throw new Lost("flag i with a class of what must not occur");
      pattern = `(?i:${pattern})`;
    }
    // JavaScript counts such a character twice where the flag u is missing, so fewer of them may be enough there.
    const countsHalves = !codePoints && (this.wide > 1 || (this.wide > 0 && this.repeated));
    const lost = [];
    if (this.coarse && /\(\?<?!/.test(this.source)) throw new Lost("it is too large");
    if (this.coarse) lost.push("how often what occurs more than eight times");
    if (countsHalves) lost.push("characters beyond U+FFFF, which count twice without flag u");
    if (this.flags.includes("y")) lost.push("flag y: that it begins at the start");
    return { pattern: countsHalves ? `(?:${pattern})|${ASTRAL}` : pattern, lost: lost.join(", ") };
  }

  #mustMeanTheSameWithoutSets() {
    let plain = true;
    try {
      new RegExp(this.source, "u");
    } catch {
      plain = false;
    }
    if (!plain || /\[[^\]]*(\[|--|&&)|\\q/.test(this.source)) throw new Lost("flag v with sets of characters");
  }

  #atom(codePoints) {
    const char = this.source[this.at];
    if (char === "{" || char === "}") return this.#brace(char);
    this.large = false;
    if (char === "\\") {
      const name = this.source[this.at + 1];
      const escape = this.#escape(codePoints, false);
      if (/[DSW]/.test(name)) this.#countWide();
      if (/[pP]/.test(name)) this.large = true;
      return escape;
    }
    if (char === "[") return this.#class(codePoints);
    if (char === ".") {
      this.at += 1;
      this.#countWide();
      if (this.flags.includes("s")) return "[\\s\\S]";
      return this.looksAround ? "[^\\u000a\\u000d\\u2028\\u2029]" : ".";
    }
    this.at += 1;
    if (char === "]") return "\\]";
    if (char === ")") {
      this.large = true;
      if (this.#leastOfQuantifier() > 1) this.repeated = true;
    }
    const name = char === "(" && /^\?<[^=!][^>]*>/.exec(this.source.slice(this.at));
    if (!name) return char;
    this.at += name[0].length;
    return "(";
  }

  #brace(char) {
    const quantifier = /^\{(\d+)(,(\d*))?\}/.exec(this.source.slice(this.at));
    this.at += quantifier ? quantifier[0].length : 1;
    if (!quantifier) return `\\${char}`;
    const [whole, least, , most] = quantifier;
    const copies = Number(most || least);
    if (this.large) this.copies += copies;
    return this.coarse && this.large && copies > 8 ? `{${Math.min(Number(least), 8)},}` : whole;
  }

  #escape(codePoints, inClass) {
    const rest = this.source.slice(this.at + 1);
    const [char] = rest;
    const took = (length, text) => {
      this.at += 1 + length;
      return text;
    };
    const hex = /^x([0-9a-fA-F]{2})/.exec(rest) ?? /^u([0-9a-fA-F]{4})/.exec(rest);
    if (hex) {
      const code = Number.parseInt(hex[1], 16);
      if (code >= 0xd800 && code <= 0xdfff) throw new Lost("half a character");
      return took(hex[0].length, unicode(code));
    }
    if (char === "u" && codePoints) {
      const braced = /^u\{[0-9a-fA-F]+\}/.exec(rest);
      return took(braced[0].length, `\\${braced[0]}`);
    }
    if (/^c[A-Za-z]/.test(rest)) return took(2, unicode(rest.charCodeAt(1) & 31));
    if (/^0(?!\d)/.test(rest)) return took(1, unicode(0));
    if (/\d/.test(char) && inClass) throw new Lost("an octal escape");
    if (/^(\d|k<)/.test(rest)) throw new Lost("a reference to a group");
    if (char === "b" && inClass) return took(1, unicode(8));
    if (char === "b" || char === "B") return took(1, this.#boundary(char));
    if (/[WP]/.test(char)) this.excludes = true;
    if (char in MEMBERS) {
      const outside = char === char.toLowerCase() ? `[${MEMBERS[char]}]` : `[^${MEMBERS[char.toLowerCase()]}]`;
      return took(1, inClass ? MEMBERS[char] : outside);
    }
    if (/[pP]/.test(char) && codePoints) {
      const property = /^[pP]\{[^}]*\}/.exec(rest);
      return took(property[0].length, `\\${property[0]}`);
    }
    const control = { n: 10, r: 13, t: 9, v: 11, f: 12 }[char];
    if (control) return took(1, unicode(control));
    if (/[\w]/.test(char)) return took(1, char); // means itself without flag u
    return took(1, /[\^$\\.*+?()[\]{}|]/.test(char) || (inClass && char === "-") ? `\\${char}` : char);
  }

  /** Where a word begins or ends, which the engine with look-around spells otherwise than the one without. */
  #boundary(char) {
    if (char === "b" && !this.looksAround) return "(?-u:\\b)";
    const [before, after] = [`(?<=${WORD})`, `(?=${WORD})`];
    const [notBefore, notAfter] = [`(?<!${WORD})`, `(?!${WORD})`];
    return char === "b" ? `(?:${before}${notAfter}|${notBefore}${after})` : `(?:${before}${after}|${notBefore}${notAfter})`;
  }

  #class(codePoints) {
    this.at += 1;
    const negated = this.source[this.at] === "^";
    if (negated) this.at += 1;
    if (negated) this.excludes = true;
    let members = "";
    let astral = negated;
    let ofOne = false; // whether the member before is one character, so that a hyphen after it makes a range
    while (this.source[this.at] !== "]") {
      if (this.source[this.at] === "-") {
        this.at += 1;
        const next = this.source[this.at];
        const range = ofOne && next !== "]" && !/^\\[dDsSwWpP]/.test(this.source.slice(this.at));
        members += range ? `-${this.#member(codePoints)}` : "\\-";
        ofOne = !range;
      } else {
        const named = /^\\[dDsSwWpP]/.exec(this.source.slice(this.at));
        members += this.#member(codePoints);
        if (named && /[DSW]/.test(named[0])) astral = true;
        ofOne = !named;
      }
    }
    this.at += 1;
    if (astral) this.#countWide();
    if (/\\[pP]/.test(members)) this.large = true;
    if (members) return `[${negated ? "^" : ""}${members}]`;
    if (negated) return "[\\s\\S]";
    throw new Lost("a class without a character");
  }

  #member(codePoints) {
    const char = String.fromCodePoint(this.source.codePointAt(this.at));
    if (char === "\\") return this.#escape(codePoints, true);
    this.at += char.length;
    return "[^-".includes(char) || ("&~".includes(char) && this.source[this.at] === char) ? `\\${char}` : char;
  }

  #countWide() {
    this.large = true;
    this.wide += this.#leastOfQuantifier();
  }

  /** How often what ends here must occur. */
  #leastOfQuantifier() {
    const rest = this.source.slice(this.at);
    const counted = /^\{(\d+)/.exec(rest);
    if (counted) return Number(counted[1]);
    return /^[*?]/.test(rest) ? 0 : 1;
  }
}
