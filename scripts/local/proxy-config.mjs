import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './paths.mjs';

/** @typedef {{ host: string, port: number }} Target */
/** @typedef {{ requestsPer10s?: number, connections?: number }} ProxyLimits per client address */
/** @typedef {{ cert: string, key: string, port: number }} ProxyTls `cert` and `key`: PEM files */
/** @typedef {{ dir: string, port: number, replicas: Target[], tls?: ProxyTls, limits?: ProxyLimits, modules: string }} ProxyPlace */
/** @typedef {Record<string, string[]>} Blocks lines of each variable place */

const files = { haproxy: 'haproxy.cfg', nginx: 'nginx.conf', apache: 'apache.conf' };

/**
 * The shipped configuration with the variable places (`# BEGIN name` … `# END name`) replaced.
 * Throws when a place is missing: then the file and this program no longer fit together.
 * @param {import('./proxy-programs.mjs').ProxyKind} kind
 * @param {ProxyPlace} place
 * @returns {string}
 */
export function proxyConfig(kind, place) {
  const blocks = { haproxy: haproxyBlocks, nginx: nginxBlocks, apache: apacheBlocks }[kind](place);
  let text = readFileSync(join(root, 'deploy', 'proxy', files[kind]), 'utf8');
  for (const [name, lines] of Object.entries(blocks)) {
    const marked = new RegExp(`^( *)# BEGIN ${name}\\n([^]*?)^ *# END ${name}$`, 'm');
    if (!marked.test(text)) throw new Error(`deploy/proxy/${files[kind]} has no place "${name}"`);
    text = text.replace(marked, (_, /** @type {string} */ indent) => lines.map((line) => indent + line).join('\n'));
  }
  return text;
}

/** @param {ProxyPlace} place @returns {Blocks} */
function haproxyBlocks({ dir, port, replicas, tls, limits = {} }) {
  return {
    // Without maxconn it takes what the limit of open files allows.
    process: [
      'log stdout format raw local0',
      'fd-hard-limit 100000',
      `stats socket "${dir}/admin.sock" mode 600 level admin expose-fd listeners`,
    ],
    listen: [
      `bind 127.0.0.1:${port}`,
      ...(tls === undefined ? [] : [`bind 127.0.0.1:${tls.port} ssl crt "${dir}/tls.pem" alpn h2,http/1.1`]),
    ],
    limits: [
      `http-request deny deny_status 429 hdr Retry-After 10 if { sc0_http_req_rate gt ${limits.requestsPer10s ?? 100_000} }`,
      `http-request deny deny_status 429 hdr Retry-After 10 if { sc0_conn_cur gt ${limits.connections ?? 100_000} }`,
    ],
    replicas: [
      ...replicas.map((replica, at) => `server replica${at + 1} ${address(replica)}`),
      ...replicas.map((replica, at) => `server replica${at + 1}-anyway ${address(replica)} no-check backup`),
    ],
  };
}

/** @param {ProxyPlace} place @returns {Blocks} */
function nginxBlocks({ dir, port, replicas, tls, limits = {} }) {
  return {
    process: [
      // Its workers must reach a folder that only this user may enter.
      ...(process.getuid?.() === 0 ? ['user root;'] : []),
      'worker_processes 2;',
      `pid ${dir}/nginx.pid;`,
      // Errors below `crit` name the whole request line, tickets in it included.
      'error_log stderr emerg;',
    ],
    events: ['worker_connections 4096;'],
    files: [
      `access_log ${dir}/access.log parley;`,
      ...['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${dir}/${name};`),
    ],
    'limit rates': [
      `limit_req_zone $client_key zone=requests:20m rate=${Math.max(1, Math.round((limits.requestsPer10s ?? 100_000) / 10))}r/s;`,
    ],
    limits: [
      `limit_req zone=requests burst=${limits.requestsPer10s ?? 100_000} nodelay;`,
      `limit_conn connections ${Math.min(65_535, limits.connections ?? 65_535)};`,
    ],
    replicas: replicas.map((replica) => `server ${address(replica)} max_fails=1 fail_timeout=1s;`),
    listen: [
      `listen 127.0.0.1:${port};`,
      ...(tls === undefined
        ? []
        : [`listen 127.0.0.1:${tls.port} ssl http2;`, `ssl_certificate ${tls.cert};`, `ssl_certificate_key ${tls.key};`]),
    ],
    redirect: [],
  };
}

/** @param {ProxyPlace} place @returns {Blocks} */
function apacheBlocks({ dir, port, replicas, tls, modules }) {
  const names = readModules();
  /** @param {number} at @param {string[]} lines */
  const host = (at, lines) => [
    `<VirtualHost 127.0.0.1:${at}>`,
    ...lines.map((line) => `    ${line}`),
    '    Use ParleySite',
    '</VirtualHost>',
  ];
  return {
    process: [
      `ServerRoot ${dir}`,
      `DefaultRuntimeDir ${dir}`,
      `PidFile ${dir}/apache.pid`,
      `Mutex file:${dir}`,
      'ServerName localhost',
      // It refuses to work as root.
      ...(process.getuid?.() === 0 ? ['User "#65534"', 'Group "#65534"'] : []),
      `ErrorLog ${dir}/error.log`,
      `CustomLog ${dir}/access.log parley`,
      `SSLSessionCache "shmcb:${dir}/tls-sessions(512000)"`,
    ],
    modules: names.map((name) => `LoadModule ${name}_module ${modules}/mod_${name}.so`),
    replicas: replicas.map((replica) => `BalancerMember http://${address(replica)} \${parley_member}`),
    listen: [
      `Listen 127.0.0.1:${port}`,
      ...host(port, []),
      ...(tls === undefined
        ? []
        : [
            `Listen 127.0.0.1:${tls.port}`,
            ...host(tls.port, ['SSLEngine on', `SSLCertificateFile ${tls.cert}`, `SSLCertificateKeyFile ${tls.key}`]),
          ]),
    ],
  };
}

/** The modules that the shipped Apache configuration names. */
function readModules() {
  const text = readFileSync(join(root, 'deploy', 'proxy', files.apache), 'utf8');
  return [...text.matchAll(/^ *LoadModule (\w+)_module /gm)].map(([, name]) => name ?? '');
}

/** @param {Target} target */
function address({ host, port }) {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}
