import { createHash, randomUUID } from 'node:crypto';
import { inject, it } from 'vitest';
import { startDemoModel } from '../../src/apps/demo-model/server.ts';
import { judge, offer, pacingReplica } from './pacing-load.ts';
it('try', async () => {
await Promise.all((process.env.TRY ?? 'bucket').split(' ').map(async (args) => {
const [kind='bucket', counts='reserved', strip='all', secs='30', windowArg='2000', tokArg='4000', max='40', ans='40'] = args.split(',');
const windowMs = Number(windowArg), tokens = Number(tokArg), seconds=Number(secs);
const model = await startDemoModel({ tokensPerSecond: 0, firstTokenMs: 20, limits: { tokens, window_ms: windowMs, kind: kind as any, counts: counts as any } });
const key = { credential: randomUUID(), model: 'demo-small' };
const reps = [1,2,3].map(()=>pacingReplica(inject('redisUrl'), windowMs));
const cost = Number(counts==='used'?ans:max)+10;
const callsPerSecond = 3*tokens/(windowMs/1000)/cost/3;
const foreign = strip==='foreign';
const results = await Promise.all(reps.map(({pacer},i)=>offer({modelUrl: model.url, key, callsPerSecond, seconds, maxTokens:Number(max), answerTokens:Number(ans), patienceMs: windowMs,
 pacer: foreign && i===2 ? undefined : { acquire: (r:any)=>pacer.acquire(r), settle: (l:any,u:any)=>pacer.settle(l,u), observe: (k:any,a:any)=> { if (foreign) return pacer.observe(k,a); const h=new Headers(); const ra=a.headers.get('retry-after-ms'); if (strip==='some' && ra) h.set('retry-after-ms', ra); pacer.observe(k,{...a, headers:h}); } } as any, seed:i+1, ...(foreign && i===2 ? {callsPerSecond: callsPerSecond/2}:{})})));
const digest = createHash('sha256').update(key.credential).digest('hex').slice(0,12);
const entries = model.witness.entries({limit:Infinity}).entries.filter(e=>e.key_digest===digest);
console.log(args,JSON.stringify(judge(entries,{tokens,windowMs,seconds,warmUp:1,costOf:e=>e.prompt_tokens+(counts==='used'?e.tokens_served:Number(max))})), JSON.stringify(results.map(r=>({...r,waits:undefined}))), JSON.stringify(reps[0]!.pacer.view()));
console.log('WHY', JSON.stringify((globalThis as any).why)); reps.forEach(r=>r.close()); await model.close(); 
}));
});
