import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { evaluateTemplate } from './evaluator.ts';
import { checkTemplates, expandContainerSpec, expandTemplate, type PlaceholderContext, templateData } from './expand-container-spec.ts';
import { BUILT_IN_FUNCTIONS } from './functions.ts';
import { parseTemplate } from './parser.ts';
import { TemplateError } from './template-error.ts';
import { quote, type Value } from './values.ts';

const context: PlaceholderContext = {
  service: { ID: 'service1', Name: 'web', Labels: { zone: 'a', tier: 'front' } },
  node: { ID: 'node1', Hostname: 'alpha', Platform: { Architecture: 'x86_64', OS: 'linux' } },
  task: { ID: 'task1', Name: 'web.2.task1', Slot: '2' },
};

function expand(source: string, data: Value = templateData(context)): string {
  return expandTemplate('expansion', source, data);
}

describe('a template expands', () => {
  test.each([
    ['text without actions as it is', 'a } b', 'a } b'],
    ['every placeholder Docker knows', '{{.Service.ID}} {{.Service.Name}} {{.Node.ID}} {{.Node.Hostname}}', 'service1 web node1 alpha'],
    ['the platform', '{{.Node.Platform.OS}}/{{.Node.Platform.Architecture}}', 'linux/x86_64'],
    ['the task', '{{.Task.ID}} {{.Task.Name}} {{.Task.Slot}}', 'task1 web.2.task1 2'],
    ['a label by field', '{{.Service.Labels.zone}}', 'a'],
    ['a label by index', '{{index .Service.Labels "tier"}}', 'front'],
    ['a missing label by index to nothing', '[{{index .Service.Labels "none"}}]', '[]'],
    ['join with the separator first', '{{join "-" .Service.Name .Task.Slot}}', 'web-2'],
    ['a pipeline into the last argument', '{{.Task.Slot | join "-" "x"}}', 'x-2'],
    ['a pipeline of three stages', '{{.Service.Name | printf "%s!" | printf "%q"}}', '"web!"'],
    ['if', '{{if .Service.Name}}yes{{end}}', 'yes'],
    ['else of an empty value', '{{if ""}}yes{{else}}no{{end}}', 'no'],
    ['else if', '{{if eq .Task.Slot "1"}}one{{else if eq .Task.Slot "2"}}two{{else}}more{{end}}', 'two'],
    ['eq with any of several', '{{eq .Task.Slot "1" "2"}}', 'true'],
    ['not, and, or', '{{not false}} {{and 1 0}} {{or 0 "x"}}', 'true 0 x'],
    ['or without what stands behind the answer', '{{or true (index "" 5)}}', 'true'],
    ['comparisons', '{{lt 1 2}} {{le 2 2}} {{gt "b" "a"}} {{ge 1 2}} {{ne 1 2}}', 'true true true false true'],
    ['with', '{{with .Node}}{{.Hostname}}{{end}}', 'alpha'],
    ['with else', '{{with ""}}x{{else}}y{{end}}', 'y'],
    ['the root inside with', '{{with .Node}}{{$.Service.Name}}{{end}}', 'web'],
    ['a variable', '{{$x := .Task.Slot}}{{$x}}{{$x}}', '22'],
    ['an assignment out of an inner block', '{{$x := 1}}{{if true}}{{$x = 2}}{{end}}{{$x}}', '2'],
    ['a variable of an inner block without touching the outer', '{{$x := 1}}{{if true}}{{$x := 2}}{{end}}{{$x}}', '1'],
    ['range over a map in order of key', '{{range $k, $v := .Service.Labels}}{{$k}}={{$v}};{{end}}', 'tier=front;zone=a;'],
    ['range with dot', '{{range .Service.Labels}}<{{.}}>{{end}}', '<front><a>'],
    ['range over a number', '{{range $i := 3}}{{$i}}{{end}}', '012'],
    [
      'range with break and continue',
      '{{range $i := 9}}{{if eq $i 1}}{{continue}}{{end}}{{if eq $i 3}}{{break}}{{end}}{{$i}}{{end}}',
      '02',
    ],
    ['else of an empty range', '{{range $i := 0}}x{{else}}none{{end}}', 'none'],
    ['trim markers', 'a  {{- " b " -}}  c', 'a b c'],
    ['a comment to nothing', 'a{{/* {{ not read */}}b', 'ab'],
    ['a comment with trim markers', 'a {{- /* c */ -}} b', 'ab'],
    ['define and template', '{{define "t"}}<{{.}}>{{end}}{{template "t" .Task.Slot}}', '<2>'],
    ['block', '{{block "t" .Task}}{{.Slot}}{{end}}', '2'],
    [
      'literals',
      '{{"a\\tb"}} {{`raw\\n`}} {{\'a\'}} {{0x10}} {{-5}} {{1.5}} {{017}} {{1_000}} {{true}}',
      'a\tb raw\\n 97 16 -5 1.5 15 1000 true',
    ],
    ['len in bytes', '{{len "é"}} {{len .Service.Labels}}', '2 2'],
    ['slice and index of a string', '{{slice "hello" 1 3}} {{index "a" 0}}', 'el 97'],
    ['parentheses and their fields', '{{(print "a" "b") | len}} {{(.Node).Hostname}}', '2 alpha'],
    ['print with spaces only between non-strings', '{{print 1 2 "a" 3}}', '1 2a3'],
    ['println', '{{println "a" 1}}', 'a 1\n'],
    ['a whole map and struct as Go prints them', '{{.Service.Labels}} {{.Node.Platform}}', 'map[tier:front zone:a] {x86_64 linux}'],
  ])('%s', (_case, source, result) => {
    expect(expand(source)).toBe(result);
  });
});

describe('printf formats', () => {
  test.each([
    ['%s %v %d', ['a', 1, 2], 'a 1 2'],
    ['%5s|%-5s|', ['a', 'b'], '    a|b    |'],
    ['%05d %+d % d', [42, 5, 6], '00042 +5  6'],
    ['%05d', [-42], '-0042'],
    ['%x %X %o %b %#x', [255, 255, 8, 5, 255], 'ff FF 10 101 0xff'],
    ['%x', ['hi'], '6869'],
    ['%q', ['a"b\n'], '"a\\"b\\n"'],
    ['%.2s %.3f', ['hello', 1.5], 'he 1.500'],
    ['%*d', [4, 7], '   7'],
    ['%t %c %%', [true, 97], 'true a %'],
    ['%d', ['x'], '%!d(string=x)'],
    ['%s', [5], '%!s(int=5)'],
    ['%s %s', ['a'], 'a %!s(MISSING)'],
    ['%s', ['a', 'b', 3], 'a%!(EXTRA string=b, int=3)'],
    ['100%', [], '100%!(NOVERB)'],
  ])('%s with %j as %s', (format, args, result) => {
    const words = args.map((arg) => (typeof arg === 'string' ? quote(arg) : String(arg)));
    expect(expand(`{{printf ${quote(format)} ${words.join(' ')}}}`)).toBe(result);
  });
});

describe('a mistake is told in the words of Go', () => {
  const executing = (at: string) => `template: expansion:${at}: executing "expansion" at `;
  test.each([
    ['{{.Foo}}', `${executing('1:2')}<.Foo>: can't evaluate field Foo in type template.Context`],
    ['é\nü{{ .Foo }}', `${executing('2:5')}<.Foo>: can't evaluate field Foo in type template.Context`],
    ['{{.Task.Slot.X}}', `${executing('1:7')}<.Task.Slot.X>: can't evaluate field X in type string`],
    ['{{.Service.Labels.none}}', `${executing('1:10')}<.Service.Labels.none>: map has no entry for key "none"`],
    ['{{.Service.Labels.toString}}', `${executing('1:10')}<.Service.Labels.toString>: map has no entry for key "toString"`],
    ['{{index "" 1}}', `${executing('1:2')}<index "" 1>: error calling index: index out of range: 1`],
    ['{{join 1 "a"}}', `${executing('1:2')}<join 1 "a">: error calling join: wrong type for value; expected string; got int`],
    ['{{eq 1 "1"}}', `${executing('1:2')}<eq 1 "1">: error calling eq: incompatible types for comparison`],
    ['{{not}}', `${executing('1:2')}<not>: wrong number of args for not: want 1 got 0`],
    ['{{join}}', `${executing('1:2')}<join>: wrong number of args for join: want at least 1 got 0`],
    ['{{.Task.Slot 1}}', `${executing('1:7')}<.Task.Slot>: Slot is not a method but has arguments`],
    ['{{nil}}', `${executing('1:2')}<nil>: nil is not a command`],
    ['{{range .Task.Slot}}{{end}}', `${executing('1:8')}<.Task.Slot>: range can't iterate over 2`],
    ['{{template "x"}}', `${executing('1:2')}<{{template "x"}}>: template "x" not defined`],
    ['{{', 'template: expansion:1: unclosed action'],
    ['a\nb{{foo}}', 'template: expansion:2: function "foo" not defined'],
    ['{{constructor}}', 'template: expansion:1: function "constructor" not defined'],
    ['{{}}', 'template: expansion:1: missing value for command'],
    ['{{if}}{{end}}', 'template: expansion:1: missing value for if'],
    ['{{if true}}', 'template: expansion:1: unexpected EOF'],
    ['{{end}}', 'template: expansion:1: unexpected {{end}}'],
    ['{{else}}', 'template: expansion:1: unexpected {{else}}'],
    ['{{$x}}', 'template: expansion:1: undefined variable "$x"'],
    ['{{$x = 1}}', 'template: expansion:1: undefined variable "$x"'],
    ['{{"abc}}', 'template: expansion:1: unterminated quoted string'],
    ['{{.A | }}', 'template: expansion:1: missing value for command'],
    ['{{.A | 1}}', 'template: expansion:1: non executable command in pipeline stage 2'],
    ['{{(.A}}', 'template: expansion:1: unclosed left paren'],
    ['{{.A)}}', "template: expansion:1: unexpected right paren U+0029 ')'"],
    ['{{1a}}', 'template: expansion:1: bad number syntax: "1a"'],
    ['{{.A!}}', "template: expansion:1: unrecognized character in action: U+0021 '!'"],
    ['{{/* a', 'template: expansion:1: unclosed comment'],
    ['{{/* a */ b}}', 'template: expansion:1: comment ends before closing delimiter'],
    ['{{break}}', 'template: expansion:1: {{break}} outside {{range}}'],
  ])('%s', (source, message) => {
    expect(() => expand(source)).toThrow(new TemplateError(message));
  });
});

describe('a container spec', () => {
  test('is expanded where Docker expands it, and nowhere else', () => {
    const spec = {
      Image: '{{.Service.Name}}',
      Hostname: '{{.Service.Name}}-{{.Task.Slot}}',
      Env: ['A={{.Node.Hostname}}', '{{.Foo}}=x', 'BARE'],
      Args: ['{{.Foo}}'],
      Mounts: [
        {
          Type: 'volume' as const,
          Source: 'data-{{.Task.Slot}}',
          Target: '/{{.Service.Name}}',
          VolumeOptions: { Labels: { of: '{{.Task.Name}}' }, DriverConfig: { Name: '{{.Foo}}', Options: { size: '{{.Task.Slot}}' } } },
        },
      ],
    };
    expect(expandContainerSpec(spec, context)).toEqual({
      Image: '{{.Service.Name}}',
      Hostname: 'web-2',
      Env: ['A=alpha', '{{.Foo}}=x', 'BARE'],
      Args: ['{{.Foo}}'],
      Mounts: [
        {
          Type: 'volume',
          Source: 'data-2',
          Target: '/web',
          VolumeOptions: { Labels: { of: 'web.2.task1' }, DriverConfig: { Name: '{{.Foo}}', Options: { size: '2' } } },
        },
      ],
    });
  });

  const cannot = `can't evaluate field Foo in type template.Context`;
  test.each([
    [
      { Env: ['A={{.Foo}}'] },
      `expanding env failed: expanding env "A={{.Foo}}": template: expansion:1:2: executing "expansion" at <.Foo>: ${cannot}`,
    ],
    [{ Hostname: '{{.Foo}}' }, `expanding hostname failed: template: expansion:1:2: executing "expansion" at <.Foo>: ${cannot}`],
    [
      { Mounts: [{ Source: '{{.Foo}}' }] },
      `expanding mounts failed: expanding mount source "{{.Foo}}": template: expansion:1:2: executing "expansion" at <.Foo>: ${cannot}`,
    ],
    [{ Mounts: [{ Target: '{{' }] }, 'expanding mounts failed: expanding mount target "{{": template: expansion:1: unclosed action'],
    [
      { Mounts: [{ VolumeOptions: { Labels: { k: '{{' } } }] },
      'expanding mounts failed: expanding volume labels: expanding map entry "k": template: expansion:1: unclosed action',
    ],
    [{ Env: ['A={{.Task.Slot}}'], Hostname: 'x' }, undefined],
    [{}, undefined],
  ])('%j is told at admission: %s', (spec, message) => {
    expect(checkTemplates(spec)).toBe(message);
  });

  test('may use a label that the service has', () => {
    const spec = { Env: ['A={{.Service.Labels.zone}}'] };
    expect(checkTemplates(spec, { Labels: { zone: 'a' } })).toBeUndefined();
    expect(checkTemplates(spec)).toContain('map has no entry for key "zone"');
  });
});

test('functions that are handed in work beside the built-in ones', () => {
  const functions = { secret: { fewestArguments: 1, mostArguments: 1, call: ([name]: readonly Value[]) => `<${String(name)}>` } };
  expect(expandTemplate('payload', '{{secret "db" | printf "%s!"}}', null, functions)).toBe('<db>!');
});

describe('nothing a template does is without bound', () => {
  test.each([
    ['a template that calls itself', '{{define "t"}}{{template "t"}}{{end}}{{template "t"}}', 'exceeded maximum template depth (200)'],
    ['ranges within ranges', '{{range 9999}}{{range 9999}}{{end}}{{end}}', 'takes more than 100000 steps'],
    ['a range to the largest number', '{{range 9007199254740991}}{{end}}', 'takes more than 100000 steps'],
    [
      'a long text looked at again and again',
      `{{$x := "${'a'.repeat(60_000)}"}}{{range 1000}}{{if lt $x $x}}{{end}}{{end}}`,
      'takes more than 100000 steps',
    ],
    ['a text that doubles', `{{$x := "aaaaaaaaaaaaaaaa"}}{{range 60}}{{$x = print $x $x}}{{end}}`, 'longer than 1048576 characters'],
    ['a long text many times', `{{range 99}}${'a'.repeat(20_000)}{{end}}`, 'longer than 1048576 characters'],
    ['parentheses', `{{${'('.repeat(5000)}1${')'.repeat(5000)}}}`, 'nested more than 100 deep'],
    ['blocks', '{{if 1}}'.repeat(5000) + '{{end}}'.repeat(5000), 'nested more than 100 deep'],
    ['a number without end', `{{${'1'.repeat(60_000)}z}}`, 'bad number syntax'],
  ])('%s', (_case, source, message) => {
    expect(() => expand(source)).toThrow(message);
  });

  test('any text is expanded or refused by a TemplateError', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        '{{',
        '}}',
        '{{-',
        ' -}}',
        '.Task',
        '.Slot',
        '.',
        '$',
        '$x',
        ':=',
        '=',
        ',',
        '|',
        '(',
        ')',
        ' ',
        'if ',
        'else',
        'end',
        'range ',
        'with ',
        'define "a"',
        'template "a"',
        'block "a" .',
        'break',
        'continue',
        'nil',
        'true',
        '1',
        '-2.5',
        '"s"',
        '`r`',
        "'c'",
        'len ',
        'index ',
        'printf "%d%s" ',
        'eq ',
        'and ',
        '/*',
        '*/',
        '\n',
        'é',
      ),
      fc.string({ maxLength: 4 }),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
        const source = pieces.join('');
        try {
          expect(typeof expand(source)).toBe('string');
        } catch (error) {
          if (!(error instanceof TemplateError)) throw new Error(`${JSON.stringify(source)}: ${String(error)}`, { cause: error });
        }
      }),
      { numRuns: 2000 },
    );
  });

  test('all templates of one spec have the steps of one: a spec is no longer work for having many variables', () => {
    const Env = Array.from({ length: 50 }, (_, at) => `V${at}={{range 9000}}{{end}}`);
    expect(() => expandContainerSpec({ Image: 'web', Env: Env.slice(0, 5) }, context)).not.toThrow();
    expect(checkTemplates({ Image: 'web', Env })).toContain('takes more than 100000 steps');
    const plain = Array.from({ length: 5_000 }, (_, at) => `V${at}={{.Service.Name}}-{{.Task.Slot}}`);
    expect(checkTemplates({ Image: 'web', Env: plain })).toBeUndefined();
  });

  test('text without an opening brace pair comes out as it went in, through the whole engine', () => {
    fc.assert(
      fc.property(fc.string(), (source) => {
        fc.pre(!source.includes('{{'));
        const template = parseTemplate('t', source, () => false);
        expect(evaluateTemplate(template, BUILT_IN_FUNCTIONS, null)).toBe(source);
      }),
    );
  });

  test('a string literal gives back the text it quotes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        expect(expand(`{{${quote(text)}}}`)).toBe(text);
      }),
    );
  });
});
