import { expect, test } from 'vitest';
import { allowsReadOnly } from './read-only.ts';

test.each([
  'GET /_ping',
  'HEAD /_ping',
  'GET /v1.41/info',
  'GET /version',
  'GET /events?since=1',
  'GET /swarm',
  'GET /v1.44/nodes?filters=%7B%7D',
  'GET /nodes/abc',
  'GET /services/web.1',
  'GET /services/web/logs?follow=1',
  'GET /tasks/abc/logs',
  'GET /configs/c',
  'GET /secrets',
  'GET /networks/n',
  'GET /containers/json?all=1',
  'GET /containers/web.1.abc/logs',
  'GET /containers/x/stats',
  'GET /containers/x/top',
  'GET /containers/x/top?ps_args=',
  'GET /images/json',
  'GET /images/registry:5000/a/b%40sha256:abc/json',
  'GET /images/busybox/history',
  'GET /volumes',
  'GET /system/df',
])('a read-only client may %s', (request) => {
  const [method = '', url = ''] = request.split(' ');
  expect(allowsReadOnly(method, url)).toBe(true);
});

test.each([
  ['writes', 'POST /services/create'],
  ['removes', 'DELETE /nodes/x'],
  ['writes, by a verb nobody knows', 'PATCH /services'],
  ['runs a program', 'POST /containers/x/exec'],
  ['runs a program', 'POST /exec/x/start'],
  ['writes to a container', 'GET /containers/x/attach/ws?stdin=1'],
  ['is the key of the store', 'GET /swarm/unlockkey'],
  ['is an archive', 'GET /containers/x/archive?path=/'],
  ['tells of an archive', 'HEAD /containers/x/archive?path=/'],
  ['is an archive', 'GET /containers/x/export'],
  ['is an archive', 'GET /images/x/get'],
  ['is an archive', 'GET /images/get?names=x'],
  ['shows environments', 'GET /containers/x/top?ps_args=e'],
  ['shows environments, of two values the later', 'GET /containers/x/top?ps_args=&ps_args=e'],
  ['shows environments, behind a second question mark', 'GET /containers/x/top?a?b&ps_args=e'],
  ['shows environments, to engines that part by semicolons', 'GET /containers/x/top?a;ps%5Fargs=e'],
  ['uses a registry login', 'GET /distribution/x/json'],
  ['uses a registry', 'GET /images/search?term=x'],
  ['is who may do what', 'GET /x/clients'],
  ['is no path that this list reads', 'GET /containers/../containers/x/export'],
  ['is no path that this list reads', 'GET /containers/x%2Fexport%3F/json'],
  ['is no path that this list reads', 'GET /images/x/%2e%2e/get?/json'],
  ['is no path that this list reads', 'GET /containers/%/json'],
  ['is no path that this list reads', 'GET //swarm/unlockkey'],
  ['is no path that this list reads', 'GET /v1.41//containers/x/export'],
  ['is not known', 'GET /plugins'],
])('what %s is refused: %s', (_, request) => {
  const [method = '', url = ''] = request.split(' ');
  expect(allowsReadOnly(method, url)).toBe(false);
});
