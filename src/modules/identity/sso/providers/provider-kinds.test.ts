import { expect, test } from 'vitest';
import { isIssuer, microsoftIssuer } from './provider-kinds.ts';

const directory = '72F988BF-86f1-41af-91ab-2d7cd011db47';

test.each([
  'https://login.example.com',
  'https://keycloak.example.com/realms/main',
  'https://dev-1.okta.com/oauth2/default',
  microsoftIssuer(directory),
])('%s can be an issuer', (url) => expect(isIssuer(url)).toBe(true));

test.each([
  'nonsense',
  'ftp://login.example.com',
  'javascript:alert(1)',
  'https://user:secret@login.example.com',
  'https://login.example.com?x=1',
  'https://login.example.com/#x',
  'https://login.example.com/.well-known/openid-configuration',
  // Every directory of the world could say who somebody is.
  'https://login.microsoftonline.com/common/v2.0',
  'https://login.microsoftonline.com/organizations/v2.0',
  'https://login.microsoftonline.com/consumers/v2.0',
  'https://LOGIN.microsoftonline.com/COMMON/v2.0',
  'https://login.microsoftonline.com/',
])('%s is no issuer', (url) => expect(isIssuer(url)).toBe(false));
