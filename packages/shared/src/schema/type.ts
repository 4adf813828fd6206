/**
 * Schemas of what comes from outside: one definition for the type and for the check, as plain JSON Schema objects. The
 * words are those of TypeBox, of which this is the small part that we use: its builder and compiler cost every daemon 28
 * megabytes. `Static<typeof X>` is the type; `validatorOf(X)` checks; the Engine API's decoder reads the same objects.
 */
declare const TYPE: unique symbol;

/** The part of JSON Schema that we use. */
export interface Keywords {
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean';
  /** The property that has this schema may be absent. */
  readonly optional?: boolean;
  readonly properties?: TProperties;
  /** Of an object that is a map: the keys are anyone's, the values have this schema. */
  readonly additionalProperties?: TSchema;
  readonly propertyNames?: TSchema;
  readonly maxProperties?: number;
  readonly items?: TSchema;
  readonly maxItems?: number;
  /** UTF-16 units. */
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly contentEncoding?: 'base64';
  readonly minimum?: number;
  readonly maximum?: number;
  readonly enum?: readonly string[];
  /** Of words: the Engine API's decoder takes them in any case, and gives them in the schema's. */
  readonly anyCase?: boolean;
  readonly const?: string | number;
  readonly anyOf?: readonly TSchema[];
}

export interface TOf<T> extends Keywords {
  /** Only for the compiler: never there. */
  readonly [TYPE]?: T;
}
export type TSchema = TOf<unknown>;

export type TProperties = Readonly<Record<string, TSchema>>;

export interface TObject<P extends TProperties> extends TOf<ObjectOf<P>> {
  readonly properties: P;
}

/** The type of what fits the schema. */
export type Static<S> = S extends { readonly [TYPE]?: infer T } ? T : never;

type ObjectOf<P> = Flat<
  { -readonly [K in keyof P as P[K] extends { readonly optional: true } ? never : K]: Static<P[K]> } & {
    -readonly [K in keyof P as P[K] extends { readonly optional: true } ? K : never]?: Static<P[K]>;
  }
>;
type Flat<T> = { [K in keyof T]: T[K] };

type StringOptions = Pick<Keywords, 'minLength' | 'maxLength' | 'pattern'>;
type NumberOptions = Pick<Keywords, 'minimum' | 'maximum'>;

export const Type = {
  String: (options: StringOptions = {}): TOf<string> => ({ type: 'string', ...options }),
  Integer: (options: NumberOptions = {}): TOf<number> => ({ type: 'integer', ...options }),
  Number: (options: NumberOptions = {}): TOf<number> => ({ type: 'number', ...options }),
  Boolean: (): TOf<boolean> => ({ type: 'boolean' }),
  Literal: <const T extends string | number>(value: T): TOf<T> => ({ const: value }),
  Object: <P extends TProperties>(properties: P): TObject<P> => ({ type: 'object', properties }),
  Array: <S extends TSchema>(items: S, options: Pick<Keywords, 'maxItems'> = {}): TOf<Static<S>[]> => ({
    type: 'array',
    items,
    ...options,
  }),
  /** A map. */
  Record: <S extends TSchema>(
    propertyNames: TOf<string>,
    values: S,
    options: Pick<Keywords, 'maxProperties'> = {},
  ): TOf<Record<string, Static<S>>> => ({ type: 'object', propertyNames, additionalProperties: values, ...options }),
  Union: <const S extends readonly TSchema[]>(anyOf: S): TOf<Static<S[number]>> => ({ anyOf }),
  Optional: <S extends TSchema>(schema: S): S & { readonly optional: true } => ({ ...schema, optional: true }),
  /** A schema whose type is narrower than its keywords say. */
  Unsafe: <T>(keywords: Keywords): TOf<T> => keywords,
};
