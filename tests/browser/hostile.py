"""Texts that would run a script or speak to another host if any page took them for markup."""

OUT = "https://evil.example"
PAYLOADS = (
    "<script>window.pwned=1</script>",
    "<img src=x onerror=window.pwned=1>",
    f"<img src={OUT}/a.png>",
    f"![remote]({OUT}/b.png)",
    f"![x][r]\n\n[r]: {OUT}/c.png",
    "<svg onload=window.pwned=1></svg>",
    "<svg><script>window.pwned=1</script></svg>",
    "[click](javascript:window.pwned=1)",
    "[click](data:text/html,<script>window.pwned=1</script>)",
    "<a href='javascript:window.pwned=1'>x</a>",
    f"<form action={OUT}><input type=submit></form>",
    f"<style>body{{background:url({OUT}/d.png)}}</style>",
    f"<link rel=stylesheet href={OUT}/e.css>",
    f"<iframe src={OUT}></iframe>",
    "<iframe srcdoc='<script>parent.pwned=1</script>'></iframe>",
    f"<object data={OUT}></object><embed src={OUT}>",
    f"<meta http-equiv=refresh content='0;url={OUT}'>",
    "$\\href{javascript:window.pwned=1}{x}$ $$\\includegraphics{" + OUT + "/f.png}$$",
    "$\\def\\a{\\a\\a}\\a$ $\\rule{99999em}{99999em}$",
    f'```mermaid\ngraph TD; A-->B; click A href "{OUT}"\n```',
    "{{constructor.constructor('window.pwned=1')()}} ${window.pwned=1} {{#each value}}x{{/each}} <%= 1 %>",
    "\u202egnp.exe\u202c \u2066\u2067 \u0645\u0631\u062d\u0628\u0627 abc",
    "</textarea></title></style></script><script>window.pwned=1</script>",
    f"<base href={OUT}/><video src={OUT}/v.mp4 autoplay></video><audio src={OUT}/a.mp3 autoplay>",
    "<details open ontoggle=window.pwned=1><math><mtext><img src=x onerror=window.pwned=1>",
    "\"><img src=x onerror=window.pwned=1> ' onmouseover='window.pwned=1",
)
ALL = "\n\n".join(PAYLOADS)
