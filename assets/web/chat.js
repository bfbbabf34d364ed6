/* The chat arena and the comparison of runs. */
window.ArenaChat = (element, server) => {
  const { el, toast } = Arena, root = element.querySelector('.chat-root');
  const keep = (k, v) => { try { if (v === undefined) return localStorage.getItem(k) || ''; localStorage.setItem(k, v); } catch (e) { /* private window */ } return ''; };
  const words = el('textarea', { class: 'field', rows: 3, style: { width: '100%', resize: 'vertical' }, 'aria-label': 'Your instruction', placeholder: 'Ask both contenders something you can judge' });
  const left = el('select', { class: 'field', 'aria-label': 'Contender A' }), right = el('select', { class: 'field', 'aria-label': 'Contender B' });
  const who = el('input', { class: 'field', 'aria-label': 'Your name', placeholder: 'Your name', value: keep('arena-voter'), maxlength: 80 });
  const ask = el('button', { class: 'button primary', type: 'button' }, 'Ask both');
  const stage = el('div', {}), trouble = el('p', { class: 'note bad hidden', role: 'alert' });
  let talk = '';
  const tell = text => { trouble.textContent = text || ''; trouble.classList.toggle('hidden', !text); };
  root.replaceChildren(el('div', { class: 'inspect' }, el('div', {}, el('h1', {}, 'Chat arena'), el('p', { class: 'lead' }, 'Ask once, read two answers as they are written, and say which is better. Leave both sides on “drawn at random” to vote blind; names appear after the vote.')),
    el('section', { class: 'card' }, words, el('div', { class: 'tools', style: { marginTop: '12px' } }, left, el('span', { class: 'muted' }, 'against'), right, el('span', { style: { flex: 1 } }), who, ask)), trouble, stage));
  const boxes = [0, 1].map(k => ({ name: el('b', {}, `Answer ${k + 1}`), text: el('div', { class: 'answer', tabindex: 0, dir: 'auto', role: 'region', 'aria-label': `Answer ${k + 1}`, 'aria-live': 'off' }), foot: el('footer', {}) }));
  const show = got => got.seats.forEach((s, k) => {
    boxes[k].name.textContent = s.name || `Answer ${k + 1}`;
    if (s.error) boxes[k].text.replaceChildren(el('p', { class: 'note bad' }, s.error));
    else if (s.done) { boxes[k].text.innerHTML = s.html; boxes[k].text.querySelectorAll('.math').forEach(m => { const t = m.textContent; try { katex.render(t, m, { displayMode: m.hasAttribute('data-display'), throwOnError: false, trust: false, maxSize: 20, maxExpand: 200, strict: 'ignore' }); } catch (e) { m.textContent = t; } }); }
    else boxes[k].text.textContent = s.text || 'Waking the model…';
    boxes[k].foot.textContent = s.done ? `${s.seconds} s` : 'answering…';
  });
  const vote = async winner => {
    keep('arena-voter', who.value.trim());
    const got = await server.choose_of({ id: talk, winner, voter: who.value.trim() });
    if (got.error) { toast(got.error); if (!who.value.trim()) who.focus(); return; }
    show(got); const place = stage.querySelector('.ballot');
    place.replaceChildren(el('span', { class: 'chip good' }, 'Your vote is kept'), el('a', { class: 'button', href: `./battle?id=${got.battle}` }, 'Open the battle'));
  };
  const follow = async mine => {
    while (root.isConnected && mine === talk) {
      const got = await server.pieces_of({ id: mine });
      if (mine !== talk) return;
      if (got.error) { tell(got.error); return; }
      show(got);
      if (got.done) { ask.disabled = false; stage.querySelectorAll('.ballot button').forEach(b => { b.disabled = got.seats.some(s => s.error); }); stage.dataset.done = mine; return; }
      await new Promise(r => setTimeout(r, 200));
    }
  };
  ask.addEventListener('click', async () => {
    tell(''); ask.disabled = true;
    const got = await server.ask_of({ instruction: words.value, left: left.value, right: right.value });
    if (got.error) { tell(got.error); ask.disabled = false; return; }
    talk = got.id;
    boxes.forEach(b => b.text.replaceChildren('Waking the model…'));
    stage.replaceChildren(el('div', { class: 'inspect' }, el('div', { class: 'seats' }, ...boxes.map((b, k) => el('section', { class: `card seat ${k ? 'b' : 'a'}` }, el('header', {}, b.name), b.text, b.foot))),
      el('section', { class: 'card' }, el('h2', {}, 'Which answer is better?'), el('div', { class: 'ballot' }, ...[['Answer 1', 'A'], ['Answer 2', 'B'], ['Tie', 'tie'], ['Both bad', 'both_bad']].map(([t, w]) => el('button', { class: 'button', type: 'button', disabled: true, onclick: () => vote(w) }, t))))));
    follow(talk);
  });
  words.addEventListener('keydown', e => { if (e.key === 'Enter' && (e.ctrlKey || e.metaKey)) ask.click(); });
  server.names_of({}).then(({ names }) => {
    [left, right].forEach(s => s.replaceChildren(el('option', { value: '' }, 'drawn at random'), ...names.map(n => el('option', { value: n }, n))));
    if (names.length < 2) stage.replaceChildren(el('div', { class: 'card empty' }, el('b', {}, 'Two contenders are needed'), el('span', {}, 'Fetch the embedded models, or add a GGUF file or a server.'), el('a', { class: 'button primary', href: './contenders' }, 'Contenders')));
    root.dataset.ready = 1;
  });
};

window.ArenaCompare = (element, server, props) => {
  const { el, count, percent, query, setQuery } = Arena, root = element.querySelector('.compare-root');
  const q = query(), kind = el('select', { class: 'field', 'aria-label': 'Compare' }, ...Object.keys(props.kinds).map(k => el('option', { value: k, selected: k === q.kind }, k)));
  const left = el('select', { class: 'field', 'aria-label': 'Left' }), right = el('select', { class: 'field', 'aria-label': 'Right' });
  const says = el('span', { class: 'muted' }), out = el('div', { class: 'inspect', style: { marginTop: '18px' } });
  root.replaceChildren(el('h1', {}, 'Compare runs'), el('p', { class: 'lead' }, 'What stays the same, what changes sides, and where to read it.'), el('div', { class: 'card', style: { marginTop: '16px' } }, el('div', { class: 'tools' }, kind, left, el('span', { class: 'muted' }, 'with'), right, says)), out);
  const draw = async () => {
    setQuery({ kind: kind.value, left: left.value, right: right.value }); says.textContent = props.kinds[kind.value];
    if (left.options.length < 2) { out.replaceChildren(el('div', { class: 'card empty' }, el('b', {}, 'Nothing to compare yet'), el('span', {}, `There are fewer than two ${kind.value} in this arena.`))); root.dataset.ready = 1; return; }
    const got = await server.compare_of({ kind: kind.value, left: left.value, right: right.value });
    if (got.error || !got.both) { out.replaceChildren(el('div', { class: 'card empty' }, el('b', {}, got.error || 'No battle stands on both sides'), el('span', {}, 'Choose two that met the same instructions.'))); root.dataset.ready = 1; return; }
    const W = { A: kind.value === 'contenders' ? 'it won' : 'A won', tie: 'tie', B: kind.value === 'contenders' ? 'it lost' : 'B won' };
    out.replaceChildren(el('section', { class: 'card' }, el('h2', {}, `${percent(got.same / got.both)} of ${count(got.both)} battles ended the same`), el('table', { class: 'board matrix' }, el('thead', {}, el('tr', {}, el('th', { scope: 'col' }, 'left, then right'), ...props.words.map(w => el('th', { scope: 'col', class: 'num' }, W[w])))),
      el('tbody', {}, ...props.words.map((w, i) => el('tr', {}, el('th', { scope: 'row' }, W[w]), ...props.words.map((v, j) => el('td', { class: 'num' }, el('span', { class: `chip ${i === j ? 'good' : got.table[i][j] ? 'warn' : ''}` }, count(got.table[i][j]))))))))),
      el('section', { class: 'card' }, el('h2', {}, `Changed sides (${count(got.both - got.same)})`), got.changed.length ? el('table', { class: 'board' }, el('thead', {}, el('tr', {}, ...['Instruction', 'Battle', 'Left', 'Right'].map(h => el('th', { scope: 'col' }, h)))), el('tbody', {}, ...got.changed.map(c => el('tr', {}, el('td', { dir: 'auto' }, c.question), el('td', {}, c.between), el('td', {}, el('a', { href: `./battle?id=${encodeURIComponent(c.left)}` }, W[c.left_won])), el('td', {}, el('a', { href: `./battle?id=${encodeURIComponent(c.right)}` }, W[c.right_won])))))) : el('p', { class: 'muted' }, 'Nothing changed sides.')));
    root.dataset.ready = 1;
  };
  const fill = async () => {
    const { choices = [] } = await server.choices_of({ kind: kind.value }), now = query();
    [[left, now.left, 0], [right, now.right, 1]].forEach(([s, v, k]) => { s.replaceChildren(...choices.map(c => el('option', { value: c }, c))); s.value = choices.includes(v) ? v : choices[Math.min(k, choices.length - 1)] || ''; });
    draw();
  };
  kind.addEventListener('change', fill); left.addEventListener('change', draw); right.addEventListener('change', draw);
  const open = async () => { if (!q.kind) { const first = await server.start_of({}); if (first.kind) { kind.value = first.kind; setQuery(first); } } fill(); };
  open();
};
