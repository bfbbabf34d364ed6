"""How the app looks: one Gradio theme over our own variables, our style sheet and our script."""

from __future__ import annotations

import gradio as gr

ASSETS = "arena-assets"
"""Route of the files in assets/web; Gradio has taken `assets` and `static` for itself."""

HEAD = f"""
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" type="image/svg+xml" href="{ASSETS}/logo.svg">
<link rel="stylesheet" href="{ASSETS}/vendor/katex/katex.min.css">
<link rel="stylesheet" href="{ASSETS}/arena.css">
<script>try {{ document.documentElement.dataset.theme = localStorage.getItem('arena-theme')
  || (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light'); }} catch (e) {{}}</script>
<script src="{ASSETS}/vendor/katex/katex.min.js"></script>
<script src="{ASSETS}/arena.js"></script>
<script src="{ASSETS}/battles.js"></script>
<script src="{ASSETS}/inspect.js"></script>
<script src="{ASSETS}/chat.js"></script>
"""
"""Addresses are relative, so that they hold behind a proxy; every page lies one level deep."""

CONTENT_SECURITY_POLICY = (
    "default-src 'self'; "
    # gr.HTML compiles its templates and js_on_load with new Function: without unsafe-eval it shows nothing.
    "script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'self'; object-src 'none'; worker-src 'self' blob:"
)


def when_ready(call: str, name: str = "Arena") -> str:
    """A js_on_load that waits for our script: Gradio adds the head only after the page has begun to run."""
    return f"(function go() {{ window.{name} ? {call} : setTimeout(go, 15); }})()"


def theme() -> gr.themes.Base:
    """IBM Plex from the package itself, colours from the variables in arena.css."""
    return gr.themes.Base(
        primary_hue=gr.themes.colors.indigo,
        neutral_hue=gr.themes.colors.stone,
        font=[gr.themes.LocalFont("IBM Plex Sans", weights=(400, 700)), "system-ui", "sans-serif"],
        font_mono=["ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace"],
        radius_size=gr.themes.sizes.radius_md,
    ).set(
        body_background_fill="var(--paper)",
        body_background_fill_dark="var(--paper)",
        body_text_color="var(--ink)",
        body_text_color_dark="var(--ink)",
        body_text_color_subdued="var(--muted)",
        body_text_color_subdued_dark="var(--muted)",
        background_fill_primary="var(--card)",
        background_fill_primary_dark="var(--card)",
        background_fill_secondary="var(--soft)",
        background_fill_secondary_dark="var(--soft)",
        border_color_primary="var(--line)",
        border_color_primary_dark="var(--line)",
        block_background_fill="var(--card)",
        block_background_fill_dark="var(--card)",
        block_border_color="var(--line)",
        block_border_color_dark="var(--line)",
        block_label_text_color="var(--muted)",
        block_label_text_color_dark="var(--muted)",
        block_title_text_color="var(--muted)",
        block_title_text_color_dark="var(--muted)",
        block_info_text_color="var(--muted)",
        block_info_text_color_dark="var(--muted)",
        block_shadow="none",
        input_background_fill="var(--paper)",
        input_background_fill_dark="var(--paper)",
        input_border_color="var(--line-strong)",
        input_border_color_dark="var(--line-strong)",
        input_placeholder_color="var(--muted)",
        input_placeholder_color_dark="var(--muted)",
        button_primary_background_fill="var(--accent)",
        button_primary_background_fill_dark="var(--accent)",
        button_primary_background_fill_hover="var(--accent-strong)",
        button_primary_background_fill_hover_dark="var(--accent-strong)",
        button_primary_text_color="var(--on-accent)",
        button_primary_text_color_dark="var(--on-accent)",
        button_secondary_background_fill="var(--card)",
        button_secondary_background_fill_dark="var(--card)",
        button_secondary_background_fill_hover="var(--soft)",
        button_secondary_background_fill_hover_dark="var(--soft)",
        button_secondary_text_color="var(--ink)",
        button_secondary_text_color_dark="var(--ink)",
        button_secondary_border_color="var(--line-strong)",
        button_secondary_border_color_dark="var(--line-strong)",
        link_text_color="var(--accent-text)",
        link_text_color_dark="var(--accent-text)",
        link_text_color_hover="var(--accent-text)",
        link_text_color_hover_dark="var(--accent-text)",
        color_accent="var(--accent)",
        color_accent_soft="var(--soft)",
        color_accent_soft_dark="var(--soft)",
    )
