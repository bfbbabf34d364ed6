/* The battles page: facets, a virtual list, panels. Its whole state is the address. */
window.ArenaBattles = (element, server, props) => {
  const { el, count, percent, query, setQuery, toast, virtual } = Arena;
  const root = element.querySelector('.battles-root');
  const NAMES = { pair: 'Contender pair', contender: 'Contender', testset: 'Test set', category: 'Category', language: 'Language', winner: 'Winner', judge: 'Judge',
    run: 'Run', round: 'Training round', source: 'Where from', since: 'Since', until: 'Until', gap: 'Score gap', score: 'Score', theme: 'The judge says', flipped: 'Flipped with the seats', unreadable: 'A game was unreadable',
    unvoted: 'Nobody has voted', disputed: 'Judge against human', instruction: 'Instruction', text: 'Text' };
  const FLAGS = ['flipped', 'unreadable', 'unvoted', 'disputed'];
  const blindly = el('a', { class: 'button', href: './battle?queue=1', title: 'Battles of this filter that you have not read, those that would teach most first' }, 'Vote blind');
  const search = el('input', { class: 'field', type: 'search', placeholder: 'Search instructions and answers', 'aria-label': 'Search instructions and answers', value: query().text || '' });
  const sort = el('select', { class: 'field', 'aria-label': 'Order' }, ...props.sorts.map(s => el('option', { value: s, selected: s === query().sort }, s)));
  const format = el('select', { class: 'field', 'aria-label': 'Export as' }, ...props.formats.map(f => el('option', { value: f }, f)));
  const save = el('button', { class: 'button', type: 'button' }, 'Export');
  const me = `${Date.now()}-${Math.random()}`, waiting = el('span', { class: 'hidden', role: 'status' }, 'Searching… ', el('button', { class: 'button', type: 'button', onclick: () => server.stop_of({ page: me }) }, 'Stop'));
  let turn = 0, slow = null;
  const asking = words => ({ query: query(), page: me, turn, ...words });
  const total = el('b', { class: 'num', 'aria-live': 'polite' }, '…');
  const chosen = el('div', { class: 'chips' });
  const side = el('aside', { class: 'card facets', 'aria-label': 'Filters', tabindex: 0 });
  const body = el('div', { class: 'vbody', style: { height: 'min(62vh, 640px)' } });
  const head = el('div', { class: 'vhead' }, ...['Instruction', 'Category', 'A', 'Score', 'B', 'Marks'].map(w => el('span', {}, w)));
  const trouble = el('p', { class: 'note bad hidden', role: 'alert' });
  const panels = el('div', { class: 'panels' });
  root.replaceChildren(
    el('div', { class: 'hero' }, el('div', {}, el('h1', { style: { fontSize: '30px' } }, 'Battles'), el('p', { class: 'lead' }, 'Every pair of answers that was judged or voted on. Narrow them down; the address keeps what you see.')),
      el('div', { class: 'chips' }, blindly, el('a', { class: 'button', href: './compare' }, 'Compare runs'))),
    el('div', { class: 'browse' }, side, el('div', {},
      el('div', { class: 'tools' }, search, el('label', { class: 'muted' }, 'Order ', sort), format, save),
      el('div', { class: 'tools' }, el('span', {}, total, ' battles'), waiting, chosen), trouble,
      el('div', { class: 'vlist' }, head, body), panels)));

  const link = row => { const q = new URLSearchParams({ ...query(), id: row.id }); return `./battle?${q}`; };
  const score = x => x === null ? '–' : Number(x).toFixed(1).replace('.0', '');
  const draw = row => {
    const node = el('a', { href: link(row), 'data-key': row.id },
      el('span', { class: 'q' }, el('b', { dir: 'auto', title: row.question || '' }, row.question || '(no text)'), el('small', {}, el('span', { class: 'narrow' }, `${row.contender_a} vs ${row.contender_b} · `), `${row.judge || row.source}${row.recorded ? ' · recorded' : ''}`)),
      el('span', { class: 'muted' }, row.category || '–'),
      el('span', { class: `who a ${row.winner === 'A' ? 'won' : ''}`, title: row.contender_a }, row.contender_a),
      el('span', { class: 'score' }, row.score_a === null ? { A: 'A', B: 'B' }[row.winner] || 'tie' : `${score(row.score_a)} : ${score(row.score_b)}`),
      el('span', { class: `who b ${row.winner === 'B' ? 'won' : ''}`, title: row.contender_b }, row.contender_b),
      el('span', { class: 'muted' }, [row.flipped && '⇄', row.voted && '✓'].filter(Boolean).join(' '),
        el('span', { class: 'hidden' }, '')));
    node.setAttribute('aria-label', `${row.contender_a} against ${row.contender_b}, ${row.winner === 'A' ? row.contender_a + ' won' : row.winner === 'B' ? row.contender_b + ' won' : 'tie'}: ${row.question || ''}`);
    return node;
  };
  const tell = text => { trouble.textContent = text || ''; trouble.classList.toggle('hidden', !text); };
  const list = virtual(body, {
    rowHeight: 56, label: 'Battles', draw,
    fetch: async (offset, limit) => {
      const mine = turn, got = await server.rows_of(asking({ offset, limit }));
      if (mine === turn) tell(got.error || (got.most ? `More than ${count(got.most)} texts match: only the first are listed.` : ''));
      return got.error ? { total: 0, rows: [], any: 1, error: got.error } : got;
    },
    onTotal: got => { total.textContent = count(got.total); root.dataset.total = got.total; },
    empty: got => el('div', { class: 'empty' }, got.any
        ? [el('b', {}, 'No battle matches'), el('span', {}, 'Loosen a filter, or clear them all.'), el('button', { class: 'button', type: 'button', onclick: () => { setQuery({}); all(); } }, 'Clear filters')]
        : [el('b', {}, 'No battles yet'), el('span', {}, 'Let contenders answer a test set and a judge decide.'), el('a', { class: 'button primary', href: './launch' }, 'Launch a battle')]),
  });
  const choose = (name, value) => { const q = query(); if (q[name] === value) delete q[name]; else q[name] = value; setQuery(q); all(); };
  const open = {};
  const drawFacets = found => {
    const q = query();
    blindly.href = `./battle?${new URLSearchParams({ ...q, queue: 1 })}`;
    side.replaceChildren(el('b', { style: { fontSize: '15px' } }, 'Filters'),
      ...found.filter(f => FLAGS.includes(f.name)).map(f => el('button', { class: 'facet', type: 'button', 'aria-pressed': String(!!q[f.name]), onclick: () => choose(f.name, 'yes') },
        el('span', {}, NAMES[f.name]), el('span', { class: 'num' }, count(f.values[0][1])))),
      ...found.filter(f => !FLAGS.includes(f.name)).map(f => el('details', { open: open[f.name] ?? (['pair', 'winner', 'category'].includes(f.name) || !!q[f.name]), ontoggle: e => { open[f.name] = e.target.open; } },
        el('summary', {}, NAMES[f.name]),
        ...f.values.map(([value, n]) => el('button', { class: 'facet', type: 'button', title: value, 'aria-pressed': String(q[f.name] === value), onclick: () => choose(f.name, value) },
          el('span', {}, value), el('span', { class: 'num' }, count(n)))))));
    chosen.replaceChildren(...Object.keys(NAMES).filter(name => q[name]).map(name => el('button', { class: 'chip accent', type: 'button', style: { border: 0, cursor: 'pointer', font: 'inherit', fontSize: '12.5px' }, 'aria-label': `Remove ${NAMES[name]}`,
      onclick: () => { if (name === 'text') search.value = ''; choose(name, q[name]); } }, FLAGS.includes(name) ? NAMES[name] : `${NAMES[name]}: ${q[name]}`, ' ×')));
  };
  const pressed = (name, value) => ({ type: 'button', 'aria-pressed': String(query()[name] === value), onclick: () => choose(name, value) });
  const slices = (rows, name) => rows.map(s => el(name && s.name !== '(none)' ? 'button' : 'div', { class: 'slice', ...(name && s.name !== '(none)' ? pressed(name, s.name) : {}) }, el('span', {}, s.name), el('span', { class: 'bar2' }, el('i', { style: { left: percent(s.low), width: percent(s.high - s.low) } }), el('b', { style: { left: percent(s.rate) } })),
    el('span', { class: 'num muted' }, `${percent(s.rate)} of ${count(s.battles)}`)));
  const card = (title, ...inside) => el('section', { class: 'card' }, el('h2', {}, title), ...inside);
  const drawPanels = p => {
    const top = Math.max(1, ...p.hist_a, ...p.hist_b), bars = [];
    const bar = (side, k, n) => el('button', { class: `bar-${side}`, style: { height: `${100 * n / top}%` }, disabled: !n, title: `${side.toUpperCase()}, score ${k + 1}: ${count(n)}`, 'aria-label': `${side.toUpperCase()} got ${k + 1}: ${count(n)} battles`, ...pressed('score', `${side.toUpperCase()} ${k + 1}`) });
    p.hist_a.forEach((n, k) => bars.push(bar('a', k, n), bar('b', k, p.hist_b[k])));
    panels.replaceChildren(
      card('Scores', el('div', { class: 'chips', style: { marginBottom: '10px' } }, el('span', { class: 'chip a' }, 'A'), el('span', { class: 'chip b' }, 'B')), el('div', { class: 'hist', role: 'group', 'aria-label': 'Battles by score' }, ...bars), el('div', { class: 'axis' }, el('span', {}, '1'), el('span', {}, '5'), el('span', {}, '10'))),
      card('A wins, by category', ...slices(p.categories, 'category')),
      card('A wins, by length', ...(p.lengths.length ? slices(p.lengths) : [el('p', { class: 'muted' }, 'No token counts here.')])),
      card('What the judge talks about', ...(p.themes.length ? [el('ul', { class: 'plain' }, ...p.themes.map(t => el('li', {}, el('button', { class: 'facet', ...pressed('theme', t.stems.join(' ')) }, el('span', { dir: 'auto' }, t.name), el('span', { class: 'num' }, `${count(t.battles)} · A won ${percent(t.a_won / t.battles)}`))))),
        el('p', { class: 'muted', style: { fontSize: '12.5px', margin: '10px 0 0' } }, `Clustered from the ${count(p.themes_of)} newest explained battles.`)] : [el('p', { class: 'muted' }, 'No explanations here.')])),
      card('Most flipped instructions', ...(p.flipped.length ? [el('ul', { class: 'plain' }, ...p.flipped.map(([id, words, f, n]) => el('li', {}, el('button', { class: 'facet', title: words, ...pressed('instruction', id) }, el('span', { dir: 'auto' }, words || id), el('span', { class: 'num' }, `${f} of ${n}`)))))] : [el('p', { class: 'muted' }, 'No verdict changed with the seats.')])));
  };
  const all = async () => {
    const mine = ++turn;
    clearTimeout(slow); slow = setTimeout(() => waiting.classList.remove('hidden'), 500);
    const listed = await list.reset();
    if (mine !== turn) return;
    clearTimeout(slow); waiting.classList.add('hidden');
    if (listed.error) { panels.replaceChildren(); root.dataset.ready = mine; return; }
    const facets = await server.facets_of(asking());
    if (mine !== turn) return;
    if (facets.facets) drawFacets(facets.facets);
    const found = await server.panels_of(asking());
    if (mine !== turn) return;
    if (found.error || !Number(root.dataset.total)) panels.replaceChildren(); else drawPanels(found);
    root.dataset.ready = mine;
  };
  let typing = null;
  search.addEventListener('input', () => { clearTimeout(typing); typing = setTimeout(() => { setQuery({ ...query(), text: search.value.trim() }); all(); }, 350); });
  sort.addEventListener('change', () => { setQuery({ ...query(), sort: sort.value === props.sorts[0] ? '' : sort.value }); all(); });
  save.addEventListener('click', async () => {
    save.disabled = true;
    const got = await server.export_of({ query: query(), format: format.value });
    save.disabled = false;
    if (got.error) { toast(got.error); return; }
    const url = URL.createObjectURL(new Blob([got.text], { type: got.kind }));
    const a = el('a', { href: url, download: got.name }); document.body.append(a); a.click(); a.remove(); setTimeout(() => URL.revokeObjectURL(url), 10000);
    toast(`${count(got.battles)} battles written${got.left_out ? `, ${count(got.left_out)} left out` : ''}.`);
  });
  document.addEventListener('keydown', e => {
    if (!root.isConnected || e.ctrlKey || e.metaKey || e.altKey || /INPUT|SELECT|TEXTAREA/.test(e.target.tagName)) return;
    if (e.key === '/') { e.preventDefault(); search.focus(); }
  });
  Arena.onRefresh(all); all();
};
