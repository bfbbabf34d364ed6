/* What every page shares. Texts reach the page as textContent only: nothing a model, a file or a person
   wrote is ever parsed as markup here. */
window.Arena = (() => {
  const el = (tag, props = {}, ...children) => {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(props)) {
      if (value === null || value === undefined || value === false) continue;
      if (name === 'class') node.className = value;
      else if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
      else if (name === 'style') Object.assign(node.style, value);
      else node.setAttribute(name, value === true ? '' : value);
    }
    for (const child of children.flat()) if (child !== null && child !== undefined && child !== false) node.append(child);
    return node;
  };
  const count = n => Number(n).toLocaleString('en-US');
  const percent = x => `${(100 * x).toFixed(x > 0 && x < .1 ? 1 : 0)}%`;
  const span = s => s === null || s === undefined ? '' : s < 90 ? `${Math.ceil(s)} s` : s < 5400 ? `${Math.round(s / 60)} min` : `${(s / 3600).toFixed(1)} h`;
  const query = () => Object.fromEntries(new URLSearchParams(location.search));
  const setQuery = wanted => {
    const kept = new URLSearchParams();
    for (const [k, v] of Object.entries(wanted)) if (v !== '' && v !== null && v !== undefined) kept.set(k, v);
    const text = kept.toString();
    // Gradio gives every page a base address, against which a bare "?x" would lead to the home page.
    history.replaceState(history.state, '', location.pathname + (text ? `?${text}` : ''));
  };
  const listeners = new Set();
  const refresh = () => listeners.forEach(f => f());
  const onRefresh = f => { listeners.add(f); return () => listeners.delete(f); };
  const toast = text => {
    document.querySelectorAll('.toast').forEach(n => n.remove());
    const node = el('div', { class: 'toast', role: 'status' }, text);
    document.body.append(node); setTimeout(() => node.remove(), 2600);
  };
  // Poll while the element is on the page; slower when nobody looks.
  const poll = (element, seconds, f) => {
    let timer = null;
    const tick = async () => {
      if (!element.isConnected) return;
      if (!document.hidden) { try { await f(); } catch (e) { /* the pill says that the app is away */ } }
      timer = setTimeout(tick, 1000 * seconds());
    };
    tick();
    return () => { clearTimeout(timer); tick(); };
  };

  // --- light or dark -------------------------------------------------------------------------------
  const applyTheme = () => {
    const dark = document.documentElement.dataset.theme === 'dark';
    if (document.body && document.body.classList.contains('dark') !== dark) document.body.classList.toggle('dark', dark);
  };
  const holdTheme = () => { applyTheme(); new MutationObserver(applyTheme).observe(document.body, { attributes: true, attributeFilter: ['class'] }); };
  if (document.body) holdTheme(); else document.addEventListener('DOMContentLoaded', holdTheme);
  const toggleTheme = () => {
    const next = document.documentElement.dataset.theme === 'dark' ? 'light' : 'dark';
    document.documentElement.dataset.theme = next;
    try { localStorage.setItem('arena-theme', next); } catch (e) { /* private window */ }
    applyTheme();
  };

  // --- the bar -------------------------------------------------------------------------------------
  const progress = job => el('div', { class: 'track', role: 'progressbar', 'aria-label': job.title, 'aria-valuemin': 0, 'aria-valuemax': 100,
    'aria-valuenow': job.total ? Math.round(100 * job.done / job.total) : 0 },
    el('i', { style: { width: job.total ? `${100 * job.done / job.total}%` : '0' } }));
  const bar = (element, server) => {
    element.querySelector('.theme').addEventListener('click', toggleTheme);
    element.querySelector('.skip').addEventListener('click', e => { e.preventDefault(); document.getElementById('arena-content').focus(); });
    const current = element.querySelector('nav [aria-current]');
    if (current) current.scrollIntoView({ block: 'nearest', inline: 'center' });
    const pill = element.querySelector('.pill'), word = pill.querySelector('summary b'), list = pill.querySelector('.pill-list');
    document.addEventListener('click', e => { if (!pill.contains(e.target)) pill.open = false; });
    let busy = false;
    poll(element, () => busy ? 2 : 5, async () => {
      try {
        const { jobs } = await server.running_jobs({});
        busy = jobs.length > 0;
        pill.dataset.state = busy ? 'busy' : 'idle';
        const first = jobs[0];
        word.textContent = !busy ? 'Quiet' : jobs.length > 1 ? `${jobs.length} runs` :
          first.total ? `${first.kind} ${Math.floor(100 * first.done / first.total)}%` : `${first.kind} ${first.state}`;
        list.replaceChildren(...(busy ? jobs.map(j => el('div', {}, el('div', {}, j.title), progress(j),
          el('small', { class: 'muted num' }, `${j.state} · ${count(j.done)} of ${count(j.total)}${j.seconds_left ? ` · ${span(j.seconds_left)} left` : ''}`)))
          : [el('span', { class: 'muted' }, 'Nothing is running. Battles, training and fetching show here from every page.')]));
      } catch (e) { pill.dataset.state = 'away'; word.textContent = 'App is away'; throw e; }
    });
  };

  // --- jobs ----------------------------------------------------------------------------------------
  const tone = { done: 'good', failed: 'bad', interrupted: 'warn', stopped: 'warn', running: 'accent', stopping: 'warn', queued: '' };
  const jobs = (element, server, { title }) => {
    element.querySelector('h2').textContent = title;
    const list = element.querySelector('.jobs-list');
    let opened = '', active = true, last = '';
    const act = async (what, job) => {
      const answer = await server[what]({ id: job.id });
      toast(answer.error || (what === 'stop_job' ? 'It stops at the next safe place.' : 'It goes on where it was.')); again();
    };
    const draw = found => list.replaceChildren(...(found.length ? found.map(job => el('article', { class: 'card job', 'data-state': job.state },
      el('div', { class: 'top' }, el('b', {}, job.title), el('span', { class: `chip ${tone[job.state] || ''}` }, job.state),
        job.active && job.state !== 'stopping' && el('button', { class: 'button', type: 'button', onclick: () => act('stop_job', job) }, 'Stop'),
        job.resumable && el('button', { class: 'button', type: 'button', onclick: () => act('resume_job', job) }, 'Resume'),
        el('button', { class: 'button', type: 'button', 'aria-expanded': String(opened === job.id), onclick: () => { opened = opened === job.id ? '' : job.id; again(); } }, 'Log')),
      (job.active || job.total > 0) && progress(job),
      el('div', { class: 'meta num' }, job.phase && el('span', {}, job.phase), job.total > 0 && el('span', {}, `${count(job.done)} of ${count(job.total)}`),
        job.rate > 0 && el('span', {}, `${job.rate >= 1 ? job.rate.toFixed(1) + ' a second' : (60 * job.rate).toFixed(1) + ' a minute'}`),
        job.seconds_left !== null && el('span', {}, `${span(job.seconds_left)} left`),
        ...Object.entries(job.figures).map(([k, v]) => el('span', {}, `${k} ${v}`)), el('span', { class: 'mono' }, job.id)),
      job.error && el('p', { class: 'note bad' }, job.error),
      job.log !== undefined && el('pre', { tabindex: 0, 'aria-label': 'Log' }, job.log || 'Nothing printed yet.')))
      : [el('div', { class: 'card empty' }, el('b', {}, 'No run yet'), el('span', {}, 'What you start here keeps going when this page is closed.'))]));
    const again = poll(element, () => active ? 1.5 : 4, async () => {
      const { jobs: found } = await server.watch_jobs({ log: opened });
      active = found.some(j => j.active);
      const text = JSON.stringify(found);
      if (text !== last) { last = text; draw(found); }
    });
    onRefresh(again);
  };

  // --- virtual lists -------------------------------------------------------------------------------
  const TALLEST = 8e6; // Chromium stops at 33.5 million pixels; beyond ours the scroll position is scaled.
  const virtual = (body, { rowHeight, fetch, draw, empty, label, onTotal }) => {
    const space = el('div', { class: 'vspace' });
    body.replaceChildren(space); body.tabIndex = 0; body.setAttribute('role', 'region'); body.setAttribute('aria-label', label);
    let total = 0, first = 0, setting = false, asked = 0, pending = null;
    const cache = new Map();
    const seen = () => Math.ceil(body.clientHeight / rowHeight);
    const tall = () => Math.min(total * rowHeight, TALLEST);
    const scaled = () => total * rowHeight > TALLEST;
    const most = () => Math.max(0, total - body.clientHeight / rowHeight);
    const place = () => { if (scaled()) { setting = true; body.scrollTop = most() ? first / most() * (tall() - body.clientHeight) : 0; } else body.scrollTop = first * rowHeight; };
    const paint = () => {
      const from = Math.max(0, Math.floor(first)), to = Math.min(total, from + seen() + 2), top = body.scrollTop;
      const rows = [];
      for (let i = from; i < to; i++) {
        const row = cache.get(i), node = row ? draw(row, i) : el('div', { class: 'vrow' }, el('span', { class: 'muted' }, '…'));
        node.classList.add('vrow'); node.style.top = `${scaled() ? top + (i - first) * rowHeight : i * rowHeight}px`; node.style.height = `${rowHeight}px`;
        rows.push(node);
      }
      space.style.height = `${tall()}px`;
      const held = document.activeElement && space.contains(document.activeElement) ? document.activeElement.dataset.key : null;
      space.replaceChildren(...rows);
      if (held) { const again = rows.find(r => r.dataset.key === held); if (again) again.focus({ preventScroll: true }); }
    };
    const load = async () => {
      const from = Math.max(0, Math.floor(first) - 20), to = Math.min(total, Math.floor(first) + seen() + 20);
      let hole = -1;
      for (let i = from; i < to; i++) if (!cache.has(i)) { hole = i; break; }
      if (hole < 0) return;
      const mine = ++asked, start = Math.max(0, hole), limit = Math.min(200, Math.max(60, to - start));
      const got = await fetch(start, limit);
      if (mine !== asked) return;
      if (cache.size > 2000) cache.clear();
      got.rows.forEach((row, k) => cache.set(start + k, row));
      paint();
    };
    const soon = () => { clearTimeout(pending); pending = setTimeout(load, 40); };
    body.addEventListener('scroll', () => {
      if (setting) { setting = false; }
      else first = scaled() ? body.scrollTop / Math.max(1, tall() - body.clientHeight) * most() : body.scrollTop / rowHeight;
      paint(); soon();
    });
    const step = rows => { first = Math.min(most(), Math.max(0, first + rows)); place(); paint(); soon(); };
    body.addEventListener('wheel', e => { if (scaled() && e.deltaY && !e.ctrlKey) { e.preventDefault(); step(e.deltaY / rowHeight); } }, { passive: false });
    body.addEventListener('keydown', e => {
      const jump = { ArrowDown: 1, ArrowUp: -1, PageDown: seen() - 1, PageUp: 1 - seen(), End: total, Home: -total }[e.key];
      if (jump) { e.preventDefault(); step(jump); }
    });
    return {
      reset: async () => {
        const mine = ++asked; const got = await fetch(0, 60);
        if (mine !== asked) return got;
        cache.clear(); total = got.total; first = 0; got.rows.forEach((row, k) => cache.set(k, row));
        body.replaceChildren(total ? space : empty(got));
        body.scrollTop = 0; paint(); if (onTotal) onTotal(got);
        return got;
      },
      to: row => step(row - first),
    };
  };
  const table = (element, server, props) => {
    const host = element.querySelector('.vlist'), body = el('div', { class: 'vbody', style: { height: `${props.height_px}px` } });
    host.replaceChildren(el('div', { class: 'vhead', style: { gridTemplateColumns: props.widths } }, ...props.columns.map(c => el('span', {}, c))), body);
    const list = virtual(body, {
      rowHeight: 44, label: props.label_text,
      fetch: async (offset, limit) => {
        const got = await server.window_of({ offset, limit, query: query() });
        return { total: got.total, rows: got.rows.map((cells, k) => ({ cells, link: got.links[k] || '' })) };
      },
      empty: () => el('div', { class: 'empty' }, el('b', {}, 'Nothing here yet')),
      draw: row => el(row.link ? 'a' : 'div', { href: row.link || null, style: { gridTemplateColumns: props.widths } },
        ...row.cells.map(c => el('span', { title: String(c ?? '') }, String(c ?? '')))),
    });
    list.reset(); onRefresh(list.reset);
  };

  return { el, count, percent, span, query, setQuery, refresh, onRefresh, toast, poll, bar, jobs, virtual, table, progress };
})();

// Gradio names its empty boxes by aria-label without a role, which no screen reader may read: give them one.
new MutationObserver(() => document.querySelectorAll('div[aria-label]:not([role])')
  .forEach(box => box.setAttribute('role', 'img'))).observe(document.documentElement, {childList: true, subtree: true});
