/** What a YAML file says, as untyped values: the shape that all passes over stack files share. */
export type Tree = string | number | bigint | boolean | null | Float | Tagged | Tree[] | TreeMap;
export type TreeMap = Map<string, Tree>;
export type Path = readonly (string | number)[];

/** A number written as a float: `1000000.0` prints as `1e+06` where a string is wanted, the integer does not. */
export class Float {
  readonly value: number;

  constructor(value: number) {
    this.value = value;
  }

  /** As the CLI prints it where a string is wanted: the shortest form, with an exponent below 1e-4 and from 1e6 on. */
  toString(): string {
    const { value } = this;
    if (Number.isNaN(value)) return 'NaN';
    if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
    const [mantissa = '0', exponentText = '0'] = value.toExponential().split('e');
    const exponent = Number(exponentText);
    if (value !== 0 && (exponent < -4 || exponent >= 6)) {
      return `${mantissa}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
    }
    return Object.is(value, -0) ? '-0' : String(value);
  }
}

/** A value under `!reset` or `!override`: what it means is for whoever merges files. */
export class Tagged {
  readonly tag: 'reset' | 'override';
  readonly value: Tree;

  constructor(tag: 'reset' | 'override', value: Tree) {
    this.tag = tag;
    this.value = value;
  }
}
