// JSON Schema 2020-12 of what a zod 4 schema takes. zod's own conversion reads most of it; where that would refuse what zod
// takes, the schema takes more and a note says what is left to the backend: a transform mends its input, a refinement is
// code, a format is stricter in JSON Schema than in zod, and so on. Nothing the schema refuses is taken by zod.
import { patternOf } from "./pattern.mjs";

const DIALECT = "https://json-schema.org/draft/2020-12/schema";
// What zod's own conversion is right about, up to what is mended below. Of every other type JSON has no value, or zod replaces it;
// superjson has a spelling of some, but the gateway refuses its annotation of all but Date and undefined.
const CONVERTED = new Set([
  "boolean", "null", "any", "unknown", "never", "enum", "array", "object", "union", "intersection", "tuple", "record", "optional",
  "nullable", "nonoptional", "default", "prefault", "readonly", "lazy", "pipe",
]); // prettier-ignore
const INTEGERS = {
  safeint: [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
  int32: [-(2 ** 31), 2 ** 31 - 1],
  uint32: [0, 2 ** 32 - 1],
};
// The formats that zod checks by a pattern and by nothing else, and the sentence that a user is shown.
const BY_PATTERN = {
  regex: "", lowercase: "", uppercase: "", starts_with: "", ends_with: "", nanoid: "", cuid: "", cuid2: "", ulid: "", xid: "",
  ksuid: "", ipv4: "", cidrv4: "", e164: "", duration: "", emoji: "", email: "Enter a valid email address.",
  uuid: "Is not a valid id.", guid: "Is not a valid id.", datetime: "Enter a date with a time.",
  date: "Enter a date, such as 2027-01-31.", time: "Enter a time of day.",
}; // prettier-ignore
// `new URL` takes whatever begins with a scheme, after white space, which it drops, and within which it drops line breaks.
const URL_PATTERN = "^[\\s\\u0000-\\u0020]*[A-Za-z][A-Za-z0-9+.\\-\\t\\n\\r]*:";
const CONSTRAINTS = new Set([
  "min_length", "max_length", "length_equals", "string_format", "greater_than", "less_than", "multiple_of", "number_format",
]); // prettier-ignore

/** Converts with `z`, the zod of the router's project. Throws for what is no schema of zod 4. */
export class Converter {
  constructor(z) {
    this.z = z;
    this.countsCodePoints = z.string().max(1).safeParse("\u{1F600}").success;
    this.notes = [];
  }

  /** The schema of all inputs of one procedure together, and what it leaves to the backend, as [place, sentence] pairs. */
  procedure(inputs, { subscription }) {
    this.notes = [];
    const parts = inputs.map((input, index) => this.#whole(input, inputs.length > 1 ? `#/allOf/${index}` : "#"));
    let schema = parts.length === 1 ? parts[0] : parts.length ? { allOf: parts } : { type: "null" };
    if (subscription) schema = withLastEventId(schema);
    const once = new Map(this.notes.map((note) => [note.join(), note])); // zod shows a schema and the one it was made of
    return { schema: { $schema: DIALECT, ...schema }, notes: [...once.values()] };
  }

  /** One input, where the gateway judges an absent one as null. `base`: the pointer at which it will stand. */
  #whole(input, base) {
    if (!this.#takesNothing(() => this.z.safeParse(input, undefined))) return this.#converted(input, base);
    const plain = this.#converted(input, base);
    if (typeof plain.type === "string" && !("const" in plain) && !("enum" in plain) && !refersToRoot(plain)) {
      return { ...plain, type: plain.type === "null" ? "null" : [plain.type, "null"] };
    }
    return { anyOf: [this.#converted(input, `${base}/anyOf/0`, false), { type: "null" }] };
  }

  #converted(input, base, remember = true) {
    const before = this.notes.length;
    const { $schema: _, ...schema } = this.z.toJSONSchema(input, {
      io: "input",
      unrepresentable: "any",
      metadata: this.z.registry(), // without what .meta() says, which may be any keyword
      override: (found) => this.#override(found),
    });
    if (!remember) this.notes.length = before;
    return settled(schema, base);
  }

  #override({ zodSchema, jsonSchema, path }) {
    const { def } = zodSchema._zod;
    const write = (schema, ...lost) => {
      for (const key of Object.keys(jsonSchema)) delete jsonSchema[key];
      Object.assign(jsonSchema, schema);
      this.#note(jsonSchema, path, lost);
    };
    const { kept, lost } = checksOf(zodSchema);
    if (def.coerce) write({}, `coerced to a ${def.type}: any value may do`);
    else if (def.type === "catch") write({}, "catch: a value that is refused is replaced");
    else if (def.type === "pipe" && def.in._zod.def.type === "transform") write({}, "preprocess: any value may do");
    else if (def.type === "undefined" || def.type === "void") write({ not: {} });
    else if (def.type === "literal") write(literal(def.values), ...lost);
    else if (def.type === "date") write({ type: "string", format: "date-time" }, ...lost, ...kept.map(() => "the range of a date"));
    else if (def.type === "string") write(...this.#string(kept, lost));
    else if (def.type === "number") write(...number(kept, lost));
    else if (def.type === "template_literal") write(...template(zodSchema._zod.pattern, lost));
    else if (!CONVERTED.has(def.type)) write({}, `${def.type}: JSON has no such value, any may do`);
    else {
      if (def.type === "pipe") lost.push("what a transform makes of it");
      this.#composite(def, jsonSchema, lost);
      this.#note(jsonSchema, path, lost);
    }
  }

  #composite(def, json, lost) {
    if (def.type === "array" && lost.length) {
      delete json.minItems;
      delete json.maxItems;
    }
    if (def.type === "object" && json.required) {
      json.required = json.required.filter((key) => !this.#mayBeAbsent(def.shape[key]));
      if (!json.required.length) delete json.required;
    }
    if (def.type === "record" && json.required && this.#mayBeAbsent(def.valueType)) delete json.required;
    if (def.type === "record" && def.mode === "loose") {
      for (const key of Object.keys(json)) delete json[key];
      json.type = "object";
      lost.push("loose record: which names it checks");
    }
    if (def.type === "tuple") {
      let least = def.items.length;
      while (least > 0 && this.#takesNothing(() => this.z.tuple([def.items[least - 1]]).safeParse([]))) least -= 1;
      if (json.minItems > least) json.minItems = least;
    }
  }

  #mayBeAbsent(schema) {
    return this.#takesNothing(() => this.z.object({ key: schema }).safeParse({}));
  }

  /** Asked of the live zod, whose versions differ. What cannot be asked at once, as a refinement that waits, may do. */
  #takesNothing(ask) {
    try {
      return ask().success;
    } catch {
      return true;
    }
  }

  #string(kept, lost) {
    const schema = new Constraints("string");
    const left = [...lost];
    for (const { check, ...def } of kept) {
      const own = sentenceOf(def);
      if (check === "min_length" || check === "length_equals") schema.least("minLength", this.#least(def, left), own);
      if (check === "max_length" || check === "length_equals") schema.most("maxLength", def.maximum ?? def.length, own);
      if (check !== "string_format") continue;
      if (def.format === "includes") left.push(...schema.match(new RegExp(def.includes.replace(/[\^$\\.*+?()[\]{}|]/g, "\\$&"), "u"), own));
      else if (def.format === "url") {
        schema.add({ pattern: URL_PATTERN }, own ?? "Enter a valid web address.");
        left.push("all of a URL but its scheme");
      } else if (def.format in BY_PATTERN && def.pattern) left.push(...schema.match(def.pattern, own ?? BY_PATTERN[def.format]));
      else left.push(`format ${def.format}`);
    }
    return [schema.written(), ...left];
  }

  #least({ minimum, length }, lost) {
    const least = minimum ?? length;
    if (this.countsCodePoints || least < 2) return least;
    lost.push(`this zod counts a character beyond U+FFFF twice: at least ${least} of its units`);
    return Math.ceil(least / 2);
  }

  #note(jsonSchema, path, lost) {
    if (!lost.length) return;
    jsonSchema.$comment = `Left to the backend: ${lost.join("; ")}`;
    for (const sentence of lost) this.notes.push([placeOf(path), sentence]);
  }
}

/** The checks that see the value as it was sent, and why those after them are left out. */
function checksOf(schema) {
  const own = schema._zod.traits.has("$ZodCheck") ? [schema._zod.def] : [];
  const checks = [...own, ...(schema._zod.def.checks ?? []).map((check) => check._zod.def)];
  const kept = [];
  const lost = [];
  for (const [index, def] of checks.entries()) {
    if (CONSTRAINTS.has(def.check)) kept.push(def);
    else if (def.check === "custom" && def.fn) lost.push("a refinement");
    else {
      lost.push(def.check === "overwrite" ? "what is checked after a change of the value (trim, toLowerCase, ...)" : "a check in code");
      if (checks.slice(index + 1).some(({ check }) => CONSTRAINTS.has(check)) || def.check === "overwrite") break;
    }
  }
  return { kept, lost: [...new Set(lost)] };
}

/** The sentence that a check has of its own, where it is the same whatever was sent. */
function sentenceOf({ error }) {
  if (typeof error !== "function" || error.length > 0) return undefined;
  const found = error();
  return typeof found === "string" ? found : found?.message;
}

/** The keywords of a text or a number. One with a sentence of its own stands apart with it, under `allOf`. */
class Constraints {
  constructor(type) {
    this.whole = { type };
    this.apart = [];
  }

  add(keywords, sentence) {
    const known = JSON.stringify(sentence ? { ...keywords, "x-message": sentence } : keywords);
    if (sentence || Object.keys(keywords).some((key) => key in this.whole)) {
      if (!this.apart.includes(known)) this.apart.push(known);
    } else Object.assign(this.whole, keywords);
  }

  least(keyword, value, sentence) {
    if (!Number.isFinite(value)) return;
    if (sentence) this.add({ [keyword]: value }, sentence);
    else this.whole[keyword] = Math.max(this.whole[keyword] ?? -Infinity, value);
  }

  most(keyword, value, sentence) {
    if (!Number.isFinite(value)) return;
    if (sentence) this.add({ [keyword]: value }, sentence);
    else this.whole[keyword] = Math.min(this.whole[keyword] ?? Infinity, value);
  }

  /** What is lost of `expression`, none or one sentence. */
  match(expression, sentence) {
    const { pattern, lost } = patternOf(expression);
    if (pattern) this.add({ pattern }, sentence);
    return lost ? [`the pattern ${expression}: ${lost}`] : [];
  }

  written() {
    return this.apart.length ? { ...this.whole, allOf: this.apart.map((text) => JSON.parse(text)) } : this.whole;
  }
}

function number(kept, lost) {
  const schema = new Constraints("number");
  for (const def of kept) {
    const own = sentenceOf(def);
    if (def.check === "greater_than") schema.least(def.inclusive ? "minimum" : "exclusiveMinimum", def.value, own);
    if (def.check === "less_than") schema.most(def.inclusive ? "maximum" : "exclusiveMaximum", def.value, own);
    // zod allows for the rounding of a quotient: 0.3 is a multiple of 0.1 there, and every large number of 5.
    if (def.check === "multiple_of") lost.push(`a multiple of ${def.value}`);
    if (def.check !== "number_format") continue;
    if (def.format in INTEGERS) {
      schema.whole.type = "integer";
      schema.least("minimum", INTEGERS[def.format][0]);
      schema.most("maximum", INTEGERS[def.format][1]);
    } else lost.push(`format ${def.format}`);
  }
  return [schema.written(), ...lost];
}

/** The text that a pattern of zod's own making describes. */
function template(pattern, lost) {
  const schema = new Constraints("string");
  lost.push(...schema.match(pattern));
  return [schema.written(), ...lost];
}

function literal(values) {
  const written = values.filter((value) => value !== undefined);
  if (written.some((value) => typeof value === "bigint" || (typeof value === "number" && !Number.isFinite(value)))) return {};
  if (!written.length) return { not: {} };
  return written.length === 1 ? { const: written[0] } : { enum: written };
}

const placeOf = (path) => path.filter((part) => part !== "properties").join(".") || "(the whole input)";
const MAPS = ["properties", "patternProperties", "$defs"];
const LISTS = ["anyOf", "allOf", "oneOf", "prefixItems"];
const SINGLE = ["items", "additionalProperties", "propertyNames", "not"];

function parts(schema) {
  return [
    ...MAPS.flatMap((key) => Object.values(schema[key] ?? {})),
    ...LISTS.flatMap((key) => schema[key] ?? []),
    ...SINGLE.flatMap((key) => (schema[key] === undefined ? [] : [schema[key]])),
  ].filter((part) => part !== null && typeof part === "object");
}

const refersToRoot = (schema) => schema.$ref?.startsWith("#") || parts(schema).some(refersToRoot);

/** Without what is no constraint of an input; `base` is where the root will stand. */
function settled(schema, base) {
  delete schema.default; // the gateway fills in nothing
  delete schema.readOnly;
  if (schema.$ref) schema.$ref = base + schema.$ref.slice(1);
  // Branches that take more than zod's may both take a value of which zod's only one does.
  if (schema.oneOf) {
    schema.anyOf = schema.oneOf;
    delete schema.oneOf;
  }
  // Each side of an intersection leaves the other's members alone.
  if (schema.allOf?.length > 1) {
    for (const side of schema.allOf) if (side.additionalProperties === false) delete side.additionalProperties;
  }
  // A name is a string, also where zod reads it as a number.
  if (/number|integer/.test(schema.propertyNames?.type)) delete schema.propertyNames;
  for (const part of parts(schema)) settled(part, base);
  return schema;
}

/** The server adds the client's last event to the input of a subscription, and so does the client itself. */
function withLastEventId(schema) {
  const lastEventId = { type: ["string", "null"] };
  if (schema.type === "null") {
    return { type: ["object", "null"], properties: { lastEventId }, additionalProperties: false };
  }
  if (schema.additionalProperties === false) schema.properties = { lastEventId, ...schema.properties };
  for (const key of ["anyOf", "allOf"]) if (schema[key]) schema[key] = schema[key].map(withLastEventId);
  return schema;
}
