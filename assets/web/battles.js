/* The battles page: facets, a virtual list, panels. Its whole state is the address. */
window.ArenaBattles = (element, server, props) => {
  const { el, count, percent, query, setQuery, toast, virtual } = Arena;
  const root = element.querySelector('.battles-root');
  const NAMES = { pair: 'Contender pair', contender: 'Contender', testset: 'Test set', category: 'Category', language: 'Language', winner: 'Winner', judge: 'Judge',
    run: 'Run', round: 'Training round', source: 'Where from', gap: 'Score gap', flipped: 'Flipped when seats were swapped', unreadable: 'A game was unreadable',
    unvoted: 'Nobody has voted', disputed: 'Judge against human', instruction: 'Instruction', text: 'Text' };
  const FLAGS = ['flipped', 'unreadable', 'unvoted', 'disputed'];
  const search = el('input', { class: 'field', type: 'search', placeholder: 'Search instructions and answers', 'aria-label': 'Search instructions and answers', value: query().text || '' });
  const sort = el('select', { class: 'field', 'aria-label': 'Order' }, ...props.sorts.map(s => el('option', { value: s, selected: s === query().sort }, s)));
  const format = el('select', { class: 'field', 'aria-label': 'Export as' }, ...props.formats.map(f => el('option', { value: f }, f)));
  const save = el('button', { class: 'button', type: 'button' }, 'Export');
  const total = el('b', { class: 'num', 'aria-live': 'polite' }, '…');
  const chosen = el('div', { class: 'chips' });
  const side = el('aside', { class: 'card facets', 'aria-label': 'Filters', tabindex: 0 });
  const body = el('div', { class: 'vbody', style: { height: 'min(62vh, 640px)' } });
  const head = el('div', { class: 'vhead' }, ...['Instruction', 'Category', 'A', 'Score', 'B', 'Marks'].map(w => el('span', {}, w)));
  const trouble = el('p', { class: 'note bad hidden', role: 'alert' });
  const panels = el('div', { class: 'panels' });
  root.replaceChildren(
    el('div', { class: 'hero' }, el('div', {}, el('h1', { style: { fontSize: '30px' } }, 'Battles'), el('p', { class: 'lead' }, 'Every pair of answers that was judged or voted on. Narrow them down; the address keeps what you see.')),
      el('div', { class: 'chips' }, el('a', { class: 'button', href: './battle?queue=1' }, 'Vote blind'), el('a', { class: 'button', href: './compare' }, 'Compare runs'))),
    el('div', { class: 'browse' }, side, el('div', {},
      el('div', { class: 'tools' }, search, el('label', { class: 'muted' }, 'Order ', sort), format, save),
      el('div', { class: 'tools' }, el('span', {}, total, ' battles'), chosen), trouble,
      el('div', { class: 'vlist' }, head, body), panels)));

  const link = row => { const q = new URLSearchParams({ ...query(), id: row.id }); return `./battle?${q}`; };
  const score = x => x === null ? '–' : Number(x).toFixed(1).replace('.0', '');
  const draw = row => {
    const node = el('a', { href: link(row), 'data-key': row.id },
      el('span', { class: 'q' }, el('b', { dir: 'auto', title: row.question || '' }, row.question || '(no text)'), el('small', {}, `${row.judge || row.source}${row.recorded ? ' · recorded' : ''}`)),
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
      const got = await server.rows_of({ offset, limit, query: query() });
      tell(got.error); return got.error ? { total: 0, rows: [], any: 1 } : got;
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
  const slices = rows => rows.map(s => el('div', { class: 'slice' }, el('span', {}, s.name), el('span', { class: 'bar2' }, el('i', { style: { left: percent(s.low), width: percent(s.high - s.low) } }), el('b', { style: { left: percent(s.rate) } })),
    el('span', { class: 'num muted' }, `${percent(s.rate)} of ${count(s.battles)}`)));
  const card = (title, ...inside) => el('section', { class: 'card' }, el('h2', {}, title), ...inside);
  const drawPanels = p => {
    const top = Math.max(1, ...p.hist_a, ...p.hist_b), bars = [];
    p.hist_a.forEach((n, k) => bars.push(el('div', { style: { height: `${100 * n / top}%`, background: 'var(--a)' }, title: `A, score ${k + 1}: ${count(n)}` }),
      el('div', { style: { height: `${100 * p.hist_b[k] / top}%`, background: 'var(--b)', marginRight: '5px' }, title: `B, score ${k + 1}: ${count(p.hist_b[k])}` })));
    const said = `Scores 1 to 10. A: ${p.hist_a.join(', ')}. B: ${p.hist_b.join(', ')}.`;
    panels.replaceChildren(
      card('Scores', el('div', { class: 'chips', style: { marginBottom: '10px' } }, el('span', { class: 'chip a' }, 'A'), el('span', { class: 'chip b' }, 'B')), el('div', { class: 'hist', role: 'img', 'aria-label': said }, ...bars), el('div', { class: 'axis' }, el('span', {}, '1'), el('span', {}, '5'), el('span', {}, '10'))),
      card('A wins, by category', ...slices(p.categories)),
      card('A wins, by length', ...(p.lengths.length ? slices(p.lengths) : [el('p', { class: 'muted' }, 'No token counts here.')])),
      card('What the judge talks about', ...(p.themes.length ? [el('ul', { class: 'plain' }, ...p.themes.map(([name, n, won]) => el('li', {}, el('span', {}, name), el('span', { class: 'num muted' }, `${count(n)} battles · A won ${percent(won / n)}`)))),
        el('p', { class: 'muted', style: { fontSize: '12.5px', margin: '10px 0 0' } }, `By key words, in the ${count(p.themes_of)} newest explained battles.`)] : [el('p', { class: 'muted' }, 'No explanations here.')])),
      card('Most flipped instructions', ...(p.flipped.length ? [el('ul', { class: 'plain' }, ...p.flipped.map(([id, words, f, n]) => el('li', {}, el('a', { href: `./battles?instruction=${encodeURIComponent(id)}&flipped=yes`, dir: 'auto' }, words || id), el('span', { class: 'num muted', style: { whiteSpace: 'nowrap' } }, `${f} of ${n}`))))] : [el('p', { class: 'muted' }, 'No verdict changed with the seats.')])));
  };
  let turn = 0;
  const all = async () => {
    const mine = ++turn;
    await list.reset();
    if (mine !== turn) return;
    const facets = await server.facets_of({ query: query() });
    if (mine !== turn) return;
    if (facets.facets) drawFacets(facets.facets);
    const found = await server.panels_of({ query: query() });
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
