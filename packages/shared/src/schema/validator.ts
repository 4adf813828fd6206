import { type Static, type TSchema, Type } from './type.ts';

/** Where a value does not fit, as a JSON pointer, and how: `must be integer`. */
export interface Misfit {
  readonly path: string;
  readonly message: string;
}

export interface Validator<T> {
  check(value: unknown): value is T;
  /** The first misfit in the schema's order; undefined when the value fits. */
  explain(value: unknown): Misfit | undefined;
  /** What fits, without the properties that the schema does not name, at any depth: the same object when there are none. */
  clean(value: T): T;
}

type Check = (value: unknown) => boolean;

/** Compiled at the first use: a daemon never needs some of what it could read. */
export function validatorOf<S extends TSchema>(schema: S): Validator<Static<S>> {
  let open: Check | undefined;
  let closed: Check | undefined;
  return {
    check(value): value is Static<S> {
      open ??= compile(schema, false);
      return open(value);
    },
    explain: (value) => explain(schema, value, ''),
    clean(value) {
      // Nearly nothing has any property that must go, and this check costs a part of the copy.
      closed ??= compile(schema, true);
      return closed(value) ? value : (clean(schema, value) as Static<S>);
    },
  };
}

/** `closed`: a property that the schema does not name is a misfit too. */
function compile(schema: TSchema, closed: boolean): Check {
  if (schema.anyOf !== undefined) {
    const members = schema.anyOf.map((member) => compile(member, closed));
    return (value) => members.some((check) => check(value));
  }
  if (schema.const !== undefined) {
    const only = schema.const;
    return (value) => value === only;
  }
  switch (schema.type) {
    case 'object':
      return schema.additionalProperties === undefined ? compileObject(schema, closed) : compileMap(schema, closed);
    case 'array': {
      const { maxItems = Number.POSITIVE_INFINITY } = schema;
      const checkItem = compile(itemsOf(schema), closed);
      return (value) => Array.isArray(value) && value.length <= maxItems && value.every(checkItem);
    }
    case 'string':
      return compileString(schema);
    case 'integer': {
      const { minimum = Number.NEGATIVE_INFINITY, maximum = Number.POSITIVE_INFINITY } = schema;
      return (value) => Number.isInteger(value) && (value as number) >= minimum && (value as number) <= maximum;
    }
    case 'number': {
      const { minimum = Number.NEGATIVE_INFINITY, maximum = Number.POSITIVE_INFINITY } = schema;
      return (value) => typeof value === 'number' && Number.isFinite(value) && value >= minimum && value <= maximum;
    }
    case 'boolean':
      return (value) => typeof value === 'boolean';
    default:
      throw new Error('a schema without type, const or anyOf');
  }
}

function compileString({ minLength = 0, maxLength = Number.POSITIVE_INFINITY, pattern, enum: words }: TSchema): Check {
  if (words !== undefined) {
    const known = new Set<unknown>(words);
    return (value) => known.has(value);
  }
  const expression = pattern === undefined ? undefined : new RegExp(pattern);
  return (value) =>
    typeof value === 'string' &&
    value.length >= minLength &&
    value.length <= maxLength &&
    (expression === undefined || expression.test(value));
}

function compileObject(schema: TSchema, closed: boolean): Check {
  const fields = Object.entries(schema.properties ?? {}).map(([key, property]) => ({
    key,
    optional: property.optional === true,
    check: compile(property, closed),
  }));
  return (value) => {
    if (!isObject(value)) return false;
    let found = 0;
    for (const { key, optional, check } of fields) {
      const item = value[key];
      if (item === undefined) {
        if (!optional) return false;
      } else if (check(item)) {
        found += 1;
      } else return false;
    }
    return !closed || Object.keys(value).length === found;
  };
}

function compileMap(schema: TSchema, closed: boolean): Check {
  const { additionalProperties, propertyNames, maxProperties = Number.POSITIVE_INFINITY } = schema;
  const checkKey = propertyNames === undefined ? () => true : compile(propertyNames, closed);
  const checkItem = additionalProperties === undefined ? () => true : compile(additionalProperties, closed);
  return (value) => {
    if (!isObject(value)) return false;
    const keys = Object.keys(value);
    return keys.length <= maxProperties && keys.every((key) => checkKey(key) && checkItem(value[key]));
  };
}

/** Looks again, at what a check has refused. */
function explain(schema: TSchema, value: unknown, path: string): Misfit | undefined {
  if (schema.type === 'array' && Array.isArray(value)) return explainItems(schema, value, path);
  if (schema.type === 'object' && isObject(value)) {
    return schema.additionalProperties === undefined ? explainObject(schema, value, path) : explainMap(schema, value, path);
  }
  return compile(schema, false)(value) ? undefined : { path, message: expectation(schema, value) };
}

function explainItems(schema: TSchema, value: readonly unknown[], path: string): Misfit | undefined {
  const { maxItems = value.length } = schema;
  if (value.length > maxItems) return { path, message: `must have at most ${maxItems} items` };
  return firstMisfit(value.entries(), ([at, item]) => explain(itemsOf(schema), item, `${path}/${at}`));
}

function explainObject(schema: TSchema, value: Readonly<Record<string, unknown>>, path: string): Misfit | undefined {
  return firstMisfit(Object.entries(schema.properties ?? {}), ([key, property]) => {
    if (value[key] !== undefined) return explain(property, value[key], below(path, key));
    return property.optional === true ? undefined : { path, message: `must have the property ${key}` };
  });
}

function explainMap(schema: TSchema, value: Readonly<Record<string, unknown>>, path: string): Misfit | undefined {
  const { additionalProperties = {}, propertyNames = Type.String(), maxProperties = Number.POSITIVE_INFINITY } = schema;
  if (Object.keys(value).length > maxProperties) return { path, message: `must have at most ${maxProperties} properties` };
  return firstMisfit(
    Object.entries(value),
    ([key, item]) => explain(propertyNames, key, below(path, key)) ?? explain(additionalProperties, item, below(path, key)),
  );
}

function firstMisfit<Entry>(entries: Iterable<Entry>, look: (entry: Entry) => Misfit | undefined): Misfit | undefined {
  for (const entry of entries) {
    const misfit = look(entry);
    if (misfit !== undefined) return misfit;
  }
  return undefined;
}

function expectation(schema: TSchema, value: unknown): string {
  if (schema.anyOf !== undefined) return 'must have one of the forms there are';
  if (schema.const !== undefined) return `must be ${JSON.stringify(schema.const)}`;
  if (schema.enum !== undefined) return `must be one of ${schema.enum.join(', ')}`;
  if (typeof value === 'string' && schema.type === 'string') {
    if (value.length < (schema.minLength ?? 0)) return `must have at least ${schema.minLength} characters`;
    if (value.length > (schema.maxLength ?? value.length)) return `must have at most ${schema.maxLength} characters`;
    return `must match ${schema.pattern}`;
  }
  if (typeof value === 'number' && value < (schema.minimum ?? value)) return `must be at least ${schema.minimum}`;
  if (typeof value === 'number' && value > (schema.maximum ?? value)) return `must be at most ${schema.maximum}`;
  return `must be ${schema.type}`;
}

function clean(schema: TSchema, value: unknown): unknown {
  if (schema.anyOf !== undefined) {
    const member = schema.anyOf.find((one) => compile(one, false)(value));
    return member === undefined ? value : clean(member, value);
  }
  if (Array.isArray(value)) return value.map((item) => clean(itemsOf(schema), item));
  if (!isObject(value)) return value;
  const { additionalProperties, properties = {} } = schema;
  // `Object.fromEntries` defines keys, so that a key like `__proto__` in a map is a key like any other.
  if (additionalProperties !== undefined) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, clean(additionalProperties, item)]));
  }
  return Object.fromEntries(
    Object.entries(properties).flatMap(([key, property]) => (value[key] === undefined ? [] : [[key, clean(property, value[key])]])),
  );
}

function itemsOf(schema: TSchema): TSchema {
  if (schema.items === undefined) throw new Error('a schema of a list that says nothing of its items');
  return schema.items;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function below(path: string, key: string): string {
  return `${path}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
}
