import { expect, test } from 'vitest';
import { admitConfig, admitSecret } from './admit-payload.ts';

const Data = Buffer.from('{{env "MODE"}}').toString('base64');

test.each([admitSecret, admitConfig])('%o takes a Go template and no other', (admit) => {
  expect(admit({ Name: 'a', Data, Templating: { Name: 'golang' } }).Templating).toEqual({ Name: 'golang' });
  expect(() => admit({ Name: 'a', Data, Templating: { Name: 'jinja' } })).toThrow(
    /"a": there is no template driver "jinja"; use "golang", or none$/,
  );
});
