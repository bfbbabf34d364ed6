/* The inspect page. Answers come as HTML that pages/markdown.py made safe; all else is textContent. */
window.ArenaInspect = (element, server) => {
  const { el, count, percent, query, setQuery, toast } = Arena;
  const root = element.querySelector('.inspect-root');
  let data = null, view = 'rendered', names = true, sync = true, busy = false;
  const store = (k, v) => { try { if (v === undefined) return localStorage.getItem(k) || ''; localStorage.setItem(k, v); } catch (e) { /* private window */ } return ''; };
  const voter = () => store('arena-voter');
  const reader = () => { if (!store('arena-reader')) store('arena-reader', Array.from(crypto.getRandomValues(new Uint8Array(12)), b => b.toString(16).padStart(2, '0')).join('')); return store('arena-reader'); };
  const askName = () => { if (data.login) return data.login; if (voter()) return voter(); const name = (nameField.value || '').trim(); if (!name) { toast('Tell your name first.'); nameField.focus(); return ''; } store('arena-voter', name); return name; };
  const nameField = el('input', { class: 'field', placeholder: 'Your name', 'aria-label': 'Your name', value: voter(), maxlength: 80, onchange: () => store('arena-voter', nameField.value.trim()) });
  const note = el('input', { class: 'field', placeholder: 'Note (optional)', 'aria-label': 'Note', maxlength: 2000, style: { flex: 1, minWidth: '140px' } });
  const tags = el('input', { class: 'field', placeholder: 'Tags, by commas', 'aria-label': 'Tags', maxlength: 300, style: { width: '150px' } });

  // --- comparing texts -----------------------------------------------------------------------------
  const words = t => t.split(/(\s+)/).filter(w => w !== '');
  const diff = (one, two) => { // longest common subsequence over words; null when it would be too long to wait for
    const a = words(one), b = words(two), n = a.length, m = b.length;
    if (n * m > 6e6) return null;
    const w = m + 1, t = new Uint32Array((n + 1) * w);
    for (let i = n - 1; i >= 0; i--) for (let j = m - 1; j >= 0; j--) t[i * w + j] = a[i] === b[j] ? t[(i + 1) * w + j + 1] + 1 : Math.max(t[(i + 1) * w + j], t[i * w + j + 1]);
    const left = [], right = []; let i = 0, j = 0;
    while (i < n || j < m) {
      if (i < n && j < m && a[i] === b[j]) { left.push([a[i++], 0]); right.push([b[j++], 0]); }
      else if (j >= m || (i < n && t[(i + 1) * w + j] >= t[i * w + j + 1])) left.push([a[i++], 1]);
      else right.push([b[j++], 1]);
    }
    return [left, right];
  };
  const paintDiff = (pieces, tag) => pieces.map(([w, changed]) => changed && w.trim() ? el(tag, {}, w) : w);
  const overlap = (text, other) => { // runs of four words that the other answer holds too
    const a = words(text), clean = s => s.toLowerCase().replace(/[^\p{L}\p{N}]/gu, ''), solid = a.map((w, k) => [clean(w), k]).filter(([w]) => w);
    const theirs = new Set(), o = words(other).map(clean).filter(Boolean);
    for (let k = 0; k + 4 <= o.length; k++) theirs.add(o.slice(k, k + 4).join(' '));
    const shared = new Set();
    for (let k = 0; k + 4 <= solid.length; k++) if (theirs.has(solid.slice(k, k + 4).map(x => x[0]).join(' '))) for (let d = 0; d < 4; d++) shared.add(solid[k + d][1]);
    return a.map((w, k) => shared.has(k) ? el('mark', {}, w) : w);
  };
  const maths = node => node.querySelectorAll('.math').forEach(m => {
    const tex = m.textContent; if (tex.length > 2000 || !window.katex) return;
    try { katex.render(tex, m, { displayMode: m.hasAttribute('data-display'), throwOnError: false, trust: false, maxSize: 20, maxExpand: 200, strict: 'ignore' }); } catch (e) { m.textContent = tex; }
  });

  // --- drawing -------------------------------------------------------------------------------------
  const key = (label, k, onclick, extra = {}) => el('button', { class: 'button', type: 'button', onclick, ...extra }, label, el('kbd', {}, k));
  const seatNames = () => data.blind || !names ? ['Answer 1', 'Answer 2'] : data.seats.map(s => s.name);
  const answer = (k) => {
    const seat = data.seats[k], other = data.seats[1 - k], box = el('div', { class: 'answer', tabindex: 0, dir: 'auto', role: 'region', 'aria-label': `Text of answer ${k + 1}` });
    if (!seat.texts.length || !seat.texts.join('').trim()) { box.append(el('p', { class: 'muted' }, seat.outcome === 'missing' ? 'This answer is not in the arena.' : 'The answer is empty.')); return box; }
    seat.texts.forEach((text, turn) => {
      if (seat.texts.length > 1) box.append(el('div', { class: 'turn-label' }, `Turn ${turn + 1}`));
      const part = el('div', { dir: 'auto' }), theirs = other.texts[turn] || '';
      if (view === 'rendered') { part.innerHTML = seat.html[turn]; maths(part); part.querySelectorAll('pre').forEach(p => { p.tabIndex = 0; }); }
      else if (view === 'diff') { const d = diff(data.seats[0].texts[turn] || '', data.seats[1].texts[turn] || ''); part.append(...(d ? paintDiff(d[k], k ? 'ins' : 'del') : ['(Too long for a word diff.) ', text])); }
      else if (view === 'overlap') part.append(...overlap(text, theirs));
      else part.append(text);
      box.append(part);
    });
    if (view !== 'rendered') box.classList.add('raw');
    return box;
  };
  const chip = (text, kind = '') => el('span', { class: `chip ${kind}` }, text);
  const seatCard = k => {
    const s = data.seats[k], side = k ? 'b' : 'a', won = !data.blind && data.fought && data.winner === (k ? 'B' : 'A');
    const swap = !data.blind && data.others && data.others.length > 2 && el('select', { class: 'field', 'aria-label': `Put another contender on side ${k ? 'B' : 'A'}`, onchange: e => swapSide(k, e.target.value) },
      ...data.others.map(n => el('option', { value: n, selected: n === s.name }, n)));
    return el('section', { class: `card seat ${side}`, 'aria-label': `Answer ${k + 1}` },
      el('header', {}, chip(data.blind ? String(k + 1) : k ? 'B' : 'A', side), el('b', {}, seatNames()[k]),
        !data.blind && names && data.scores && data.scores[k] !== null && data.scores[k] !== undefined && el('span', { class: 'num' }, `${Number(data.scores[k]).toFixed(1)} / 10`),
        won && names && chip('won', 'good'), !data.blind && s.outcome !== 'ok' && chip(s.outcome, 'warn'), swap),
      answer(k),
      s.facts && el('footer', {}, ...Object.entries(s.facts).filter(([f]) => names || f !== 'model').map(([f, v]) => el('span', {}, `${f} ${v}`))));
  };
  const ballot = () => {
    const [l, r] = data.blind ? ['1', '2'] : ['A', 'B'];
    const b = (label, k, word) => key(label, k, () => vote(word), { 'aria-pressed': String(!!data.mine && data.mine === word) });
    return el('section', { class: 'card', 'aria-label': 'Your vote' }, el('h2', {}, data.blind ? 'Which answer is better?' : data.mine ? 'Your vote' : 'Vote'),
      el('div', { class: 'ballot' }, b(`Answer ${l}`, 'A', data.blind ? 'left' : 'A'), b(`Answer ${r}`, 'B', data.blind ? 'right' : 'B'), b('Tie', 'T', 'tie'), b('Both bad', 'X', 'both_bad'), data.login ? el('span', { class: 'muted' }, `as ${data.login}`) : nameField, note, tags),
      data.blind && el('p', { class: 'muted', style: { margin: '10px 0 0', fontSize: '13.5px' } }, 'Names, scores and the judge stay on the server until you vote. ', el('button', { class: 'button', type: 'button', onclick: unveil }, 'Show them without a blind vote')), el('div', { class: 'agree muted num', style: { marginTop: '10px', fontSize: '13.5px' } }));
  };
  const agree = async () => {
    const place = root.querySelector('.agree'); if (!place) return;
    const a = await server.agreement_of({ voter: voter() });
    const say = (who, x) => x && x.battles ? `${who}: ${x.accuracy === null ? '–' : percent(x.accuracy)} of ${count(x.decided)} decided${x.kappa === null ? '' : `, kappa ${x.kappa.toFixed(2)} (${x.low.toFixed(2)} to ${x.high.toFixed(2)})`}` : null;
    place.textContent = [say('You and the judge', a.mine), say('Everyone and the judge', a.all), say('Between people', a.people)].filter(Boolean).join(' · ') || 'No votes yet: yours is the first.';
  };
  const games = () => el('section', { class: 'card' }, el('h2', {}, `The judge: ${data.judge || 'none'}`),
    el('div', { class: 'chips', style: { marginBottom: '12px' } }, chip({ A: `${names ? data.seats[0].name : 'A'} won`, B: `${names ? data.seats[1].name : 'B'} won`, tie: 'tie', both_bad: 'both bad' }[data.winner] || data.winner, data.winner === 'A' ? 'a' : data.winner === 'B' ? 'b' : ''),
      data.flipped && chip('flipped when seats were swapped', 'warn'), data.recorded && chip('recorded'), data.category && chip(data.category), chip(data.when), chip(data.source)),
    data.games.length ? el('div', { class: 'games' }, ...data.games.map(g => el('article', { class: 'game' }, el('b', {}, g.alone ? `${g.judge}: ${g.first} graded alone` : `${g.judge}: ${g.first} in the first seat`),
      el('div', { class: 'chips', style: { marginTop: '6px' } }, g.outcome !== 'ok' ? chip(g.outcome, 'warn') : [chip(`${g.first} ${+g.score_first.toFixed(2)}`, g.first === 'A' ? 'a' : 'b'), ...(g.alone ? [] : [chip(`${g.first === 'A' ? 'B' : 'A'} ${+g.score_second.toFixed(2)}`, g.first === 'A' ? 'b' : 'a')])]),
      el('p', { dir: 'auto' }, g.explanation || 'No explanation given.'), g.raw && el('details', {}, el('summary', { class: 'muted' }, 'Verbatim'), el('pre', { class: 'mono', tabindex: 0, style: { whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' } }, g.raw))))) : el('p', { class: 'muted' }, 'No games are recorded for this battle.'),
    data.votes.length > 0 && el('div', {}, el('h3', { style: { marginTop: '16px' } }, 'People'), el('ul', { class: 'plain' }, ...data.votes.map(v => el('li', {}, el('span', {}, `${v.voter}: ${v.winner}${v.note ? ` – ${v.note}` : ''}`), el('span', { class: 'muted' }, [...v.tags, v.blind ? 'blind' : 'names shown'].join(' · ')))))));
  const others = () => { // the same two answers before other judges, and before people
    const held = data.siblings.filter(s => s.same && s.id !== data.id && s.source !== 'vote'), won = w => w === 'A' ? (names ? data.seats[0].name : 'A') : w === 'B' ? (names ? data.seats[1].name : 'B') : w === 'both_bad' ? 'both bad' : 'tie';
    const turned = s => s.a === data.seats[0].name ? s.winner : { A: 'B', B: 'A' }[s.winner] || s.winner;
    const free = data.judges.filter(j => j !== data.judge);
    const ask = el('select', { class: 'field', 'aria-label': 'Another judge' }, ...free.map(j => el('option', { value: j }, j))), said = el('span', { class: 'muted', role: 'status' });
    const go = el('button', { class: 'button', type: 'button', onclick: async () => {
      go.disabled = true; const mine = data.id, started = await server.judge_again({ id: mine, judge: ask.value });
      if (started.error) { said.textContent = started.error; go.disabled = false; return; }
      for (;;) {
        const job = await server.again_of({ job: started.job });
        if (!root.isConnected || !data || data.id !== mine) return;
        if (job.error || !job.active) { if (job.state === 'done') { await load(); toast('Judged again: see the verdicts.'); } else { said.textContent = job.error || `The run ${job.state}.`; go.disabled = false; } return; }
        said.textContent = `${job.state}: ${job.phase || 'waking the judge'}…`;
        await new Promise(r => setTimeout(r, 700));
      }
    } }, 'Judge again');
    return el('section', { class: 'card', 'aria-label': 'Other verdicts' }, el('h2', {}, 'Other verdicts on these two answers'),
      held.length ? el('ul', { class: 'plain' }, ...held.map(s => el('li', {}, el('a', { href: `./battle?${new URLSearchParams({ ...query(), id: s.id })}` }, s.judge || s.source), el('span', {}, `${won(turned(s))}${['A', 'B'].includes(turned(s)) ? ' won' : ''}`)))) : el('p', { class: 'muted' }, 'No other judge has read them.'),
      free.length ? el('div', { class: 'tools', style: { marginTop: '12px' } }, ask, go, said) : el('p', { class: 'muted' }, 'No other judge can answer here: fetch the embedded models or add a judge.'));
  };
  const training = () => {
    const set = (label, keep, k) => el('button', { class: 'button', type: 'button', 'aria-pressed': String(data.picked === keep), onclick: () => pick(data.picked === keep ? null : keep) }, label, el('kbd', {}, k));
    return el('section', { class: 'card', 'aria-label': 'Training' }, el('h2', {}, 'Next training round'), el('div', { class: 'tools' }, set('Send to the next round', true, 'S'), set('Keep out', false, 'E'),
      el('span', { class: 'muted' }, data.picked === true ? 'In by hand: it passes the gap and the filters wherever it can teach the student.' : data.picked === false ? 'Out by hand: no selection takes it.' : 'The selection on the flywheel page decides.')));
  };
  const pick = async keep => { if (data.blind || !data.fought) return; const got = await server.pick_of({ id: data.id, keep, voter: voter() }); if (got.error) toast(got.error); else { data.picked = got.picked; draw(); } };
  const matrix = () => {
    const own = data.siblings.filter(s => s.source !== 'vote' && (s.judge === data.judge || !data.judge)), who = [...new Set(own.flatMap(s => [s.a, s.b]))].sort().slice(0, 14);
    if (who.length < 2) return null;
    const cell = (r, c) => { const s = own.find(x => (x.a === r && x.b === c) || (x.a === c && x.b === r)); if (!s) return el('td', {}, r === c ? '' : '·');
      const word = s.winner === 'A' ? (s.a === r ? 'won' : 'lost') : s.winner === 'B' ? (s.b === r ? 'won' : 'lost') : 'tie';
      return el('td', {}, el('a', { href: `./battle?${new URLSearchParams({ ...query(), id: s.id })}`, class: `chip ${word === 'won' ? 'good' : word === 'lost' ? 'bad' : ''}`, 'aria-label': `${r} ${word} against ${c}` }, word)); };
    return el('section', { class: 'card' }, el('h2', {}, 'Everyone on this instruction'), el('div', { style: { overflowX: 'auto' }, tabindex: 0, role: 'region', 'aria-label': 'Matrix' }, el('table', { class: 'board matrix' },
      el('thead', {}, el('tr', {}, el('th', { scope: 'col' }, 'row against column'), ...who.map(w => el('th', { scope: 'col' }, w)))), el('tbody', {}, ...who.map(r => el('tr', {}, el('th', { scope: 'row' }, r), ...who.map(c => cell(r, c))))))));
  };
  const keys = el('dialog', { class: 'keys', 'aria-label': 'Keys' }, el('h2', {}, 'Keys'), el('dl', {}, ...[['J', 'next battle'], ['K', 'previous battle'], ['A', 'vote for the left or A'], ['B', 'vote for the right or B'], ['T', 'tie'], ['X', 'both bad'], ['D', 'word diff'], ['O', 'overlap'], ['R', 'plain text'], ['N', 'names on or off'], ['S', 'send to the next round'], ['E', 'keep out of training'], ['L', 'copy link'], ['/', 'search battles'], ['?', 'this list']].flatMap(([k, w]) => [el('dt', {}, el('kbd', {}, k)), el('dd', { style: { margin: 0 } }, w)])),
    el('button', { class: 'button', type: 'button', onclick: () => keys.close() }, 'Close'));
  const draw = () => {
    const q = query(), back = { ...q }; delete back.id; delete back.queue; delete back.blind;
    const toggle = (label, k, which) => key(label, k, () => { view = view === which ? 'rendered' : which; draw(); }, { 'aria-pressed': String(view === which) });
    const tools = el('div', { class: 'tools' }, el('a', { class: 'button', href: `./battles?${new URLSearchParams(back)}` }, 'All battles', el('kbd', {}, '/')),
      !data.blind && data.fought && [key('Previous', 'K', () => go(data.before), { disabled: !data.before }), key('Next', 'J', () => go(data.after), { disabled: !data.after }),
        el('span', { class: 'muted num' }, data.place >= 0 ? `${count(data.place + 1)} of ${count(data.total)}` : 'outside the filter')],
      el('span', { style: { flex: 1 } }), toggle('Diff', 'D', 'diff'), toggle('Overlap', 'O', 'overlap'), toggle('Plain', 'R', 'raw'),
      !data.blind && key('Names', 'N', () => { names = !names; draw(); }, { 'aria-pressed': String(names) }), key('Copy link', 'L', copy), key('Keys', '?', () => keys.showModal()));
    root.replaceChildren(el('div', { class: 'inspect' },
      el('div', {}, el('h1', {}, data.blind ? 'Blind vote' : names ? `${data.seats[0].name} against ${data.seats[1].name}` : 'Answer 1 against answer 2')), tools,
      el('section', { class: 'card', 'aria-label': 'Instruction' }, el('h2', {}, 'Instruction'), el('div', { tabindex: 0, class: 'prompt', dir: 'auto', role: 'region', 'aria-label': 'Instruction text' }, ...data.turns.flatMap((t, k) => data.turns.length > 1 ? [el('div', { class: 'turn-label' }, `Turn ${k + 1}`), el('div', { dir: 'auto' }, t)] : [t])),
        data.reference && data.reference.length > 0 && el('details', { class: 'muted', style: { marginTop: '10px' } }, el('summary', {}, 'Reference answer'), el('div', { class: 'prompt', dir: 'auto', tabindex: 0 }, data.reference.join('\n\n'))),
        !data.blind && el('p', { style: { margin: '10px 0 0', fontSize: '13.5px' } }, el('a', { href: `./testsets?${new URLSearchParams({ instruction: data.instruction })}` }, 'All that is known of this instruction'))),
      el('div', { class: 'seats' }, seatCard(0), seatCard(1)),
      data.id && ballot(), !data.blind && data.fought && [games(), el('div', { class: 'pairs' }, others(), training())], !data.blind && !data.fought && el('p', { class: 'note' }, 'These two never met on this instruction: the answers are shown as they are, without a verdict.'), !data.blind && matrix(),
      data.mine && q.queue && el('div', { class: 'tools' }, el('a', { class: 'button primary', href: `./battle?${new URLSearchParams({ ...back, queue: 1 })}` }, 'Next blind battle')), keys));
    const boxes = [...root.querySelectorAll('.answer')];
    boxes.forEach((box, k) => box.addEventListener('scroll', () => { const o = boxes[1 - k]; if (!sync || box.dataset.held) { delete box.dataset.held; return; } const room = box.scrollHeight - box.clientHeight, to = Math.round((room ? box.scrollTop / room : 0) * (o.scrollHeight - o.clientHeight)); if (Math.abs(o.scrollTop - to) > 1) { o.dataset.held = 1; o.scrollTop = to; } }));
    root.dataset.ready = data.id; agree();
  };
  const load = async (reveal = false) => {
    const q = query(); busy = true;
    const got = await server.battle_of({ id: q.id || '', query: q, blind: !!q.blind, queue: !!q.queue, reveal, voter: voter(), reader: reader() });
    busy = false;
    if (got.error || got.empty || !got.seats) {
      root.replaceChildren(el('h1', {}, got.empty ? 'Nothing waits for your vote' : 'Inspect a battle'), el('div', { class: 'card empty' }, el('b', {}, got.empty ? 'You have voted on every battle' : 'This battle cannot be shown'), el('span', {}, got.error || 'New battles join the queue as they are judged.'), el('a', { class: 'button primary', href: './battles' }, 'All battles')));
      root.dataset.ready = 'none'; return;
    }
    data = got; note.value = got.note || ''; tags.value = (got.tags || []).join(', '); draw();
  };
  const unveil = () => { const q = query(); delete q.blind; delete q.queue; setQuery({ ...q, id: data.id }); load(true); };
  const go = id => { if (id && !busy) { setQuery({ ...query(), id }); load(); } };
  const swapSide = async (k, name) => {
    const pair = data.seats.map(s => s.name); pair[k] = name;
    const got = await server.pair_of({ instruction: data.instruction, left: pair[0], right: pair[1] });
    if (got.error) toast(got.error); else if (got.id) go(got.id); else { data = { ...got, before: '', after: '', mine: '' }; draw(); }
  };
  const vote = async word => {
    if (busy || !data || !data.id) return;
    const who = askName(); if (!who) return;
    busy = true;
    const got = await server.vote_on({ id: data.id, winner: word, note: note.value, tags: tags.value, voter: who, reader: reader() });
    busy = false;
    if (got.error) { toast(got.error); return; }
    toast('Your vote is kept.');
    setQuery({ ...query(), id: data.id }); await load();
  };
  const copy = async () => { try { await navigator.clipboard.writeText(location.href); toast('Link copied.'); } catch (e) { toast('The link is in the address bar.'); } };
  document.addEventListener('keydown', e => {
    if (!root.isConnected || !data || e.ctrlKey || e.metaKey || e.altKey || /INPUT|SELECT|TEXTAREA/.test(e.target.tagName) || keys.open) return;
    const flip = which => { view = view === which ? 'rendered' : which; draw(); };
    const act = { j: () => go(data.after), k: () => go(data.before), a: () => vote(data.blind ? 'left' : 'A'), b: () => vote(data.blind ? 'right' : 'B'), t: () => vote('tie'), x: () => vote('both_bad'), s: () => pick(data.picked === true ? null : true), e: () => pick(data.picked === false ? null : false), d: () => flip('diff'), o: () => flip('overlap'), r: () => flip('raw'),
      n: () => { if (!data.blind) { names = !names; draw(); } }, l: copy, '?': () => keys.showModal(), '/': () => { const q = query(); delete q.id; delete q.queue; location.href = `./battles?${new URLSearchParams(q)}`; } }[e.key.toLowerCase()];
    if (act) { e.preventDefault(); act(); }
  });
  addEventListener('popstate', () => load());
  load();
};
