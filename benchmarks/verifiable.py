"""Writes assets/instructions/verifiable.jsonl: instructions of ours whose answers code can check.

Five demands on what an answer looks like (arena/checks.py), put to 90 subjects; training, development
and held-out rows share no subject. Each row carries a reference answer that meets its check.
    python -m benchmarks.verifiable
"""

from __future__ import annotations

import json
import random
from pathlib import Path

from arena.checks import passes
from arena.records import Json

TARGET = Path(__file__).resolve().parent.parent / "assets" / "instructions" / "verifiable.jsonl"

# ruff: noqa: E501
COUNTRIES = """Italy:Rome:Europe Japan:Tokyo:Asia Egypt:Cairo:Africa Peru:Lima:South_America Canada:Ottawa:North_America
Kenya:Nairobi:Africa Norway:Oslo:Europe Greece:Athens:Europe Cuba:Havana:North_America Chile:Santiago:South_America
China:Beijing:Asia Poland:Warsaw:Europe Portugal:Lisbon:Europe Austria:Vienna:Europe Iraq:Baghdad:Asia Iran:Tehran:Asia
Finland:Helsinki:Europe Hungary:Budapest:Europe Ireland:Dublin:Europe Ghana:Accra:Africa Nepal:Kathmandu:Asia
Thailand:Bangkok:Asia Turkey:Ankara:Asia Sweden:Stockholm:Europe Denmark:Copenhagen:Europe Belgium:Brussels:Europe
Bulgaria:Sofia:Europe Romania:Bucharest:Europe Ukraine:Kyiv:Europe Vietnam:Hanoi:Asia Jordan:Amman:Asia
Lebanon:Beirut:Asia Morocco:Rabat:Africa Tunisia:Tunis:Africa Senegal:Dakar:Africa Angola:Luanda:Africa
Uganda:Kampala:Africa Zambia:Lusaka:Africa Jamaica:Kingston:North_America Mexico:Mexico_City:North_America
Colombia:Bogota:South_America Ecuador:Quito:South_America Uruguay:Montevideo:South_America Latvia:Riga:Europe
Estonia:Tallinn:Europe"""
# ruff: noqa: E501
ANIMALS = """cow:grass:farm horse:hay:stable lion:meat:savanna panda:bamboo:forest bee:nectar:hive cat:fish:house dog:meat:house
owl:mice:forest seal:fish:sea whale:krill:ocean koala:leaves:tree frog:insects:pond spider:flies:web goat:grass:mountain
rabbit:carrots:burrow squirrel:nuts:tree monkey:fruit:jungle penguin:fish:ice wolf:meat:forest mole:worms:ground
giraffe:leaves:savanna camel:grass:desert bat:insects:cave duck:weeds:pond eagle:fish:mountain"""
# ruff: noqa: E501
WORKERS = """baker:bread:bakery teacher:lessons:school farmer:crops:farm pilot:flights:airport nurse:care:hospital chef:meals:kitchen
painter:pictures:studio tailor:clothes:workshop sailor:voyages:ship gardener:flowers:garden barber:haircuts:salon
miner:coal:mine potter:pots:workshop author:books:office brewer:beer:brewery butcher:meat:shop
carpenter:tables:workshop florist:bouquets:shop actor:plays:theatre judge:verdicts:court"""

ENDINGS = ("Hope this helps.", "That is all.", "Thank you.", "Have a nice day.")
PLAIN = (
    ("What is the capital of France?", "Paris"),
    ("What is the capital of Spain?", "Madrid"),
    ("What is the capital of Germany?", "Berlin"),
    ("What colour is the sky on a clear day?", "blue"),
    ("What colour is snow?", "white"),
    ("What do we call frozen water?", "ice"),
    ("How many days are in a week?", "seven|7"),
    ("Which planet do we live on?", "Earth"),
    ("Which star gives us light during the day?", "Sun"),
    ("What is the opposite of hot?", "cold"),
    ("Which animal says meow?", "cat"),
    ("What is H2O commonly called?", "water"),
    ("What colour is grass?", "green"),
    ("What colour is a ripe banana?", "yellow"),
    ("What colour is coal?", "black"),
    ("What colour is a ripe tomato?", "red"),
    ("How many months are in a year?", "twelve|12"),
    ("How many legs does a spider have?", "eight|8"),
    ("How many sides does a triangle have?", "three|3"),
    ("How many hours are in a day?", "24|twenty-four"),
    ("How many minutes are in an hour?", "60|sixty"),
    ("How many fingers are on one hand?", "five|5"),
    ("What is two plus two?", "four|4"),
    ("What is ten minus five?", "five|5"),
    ("What is the opposite of up?", "down"),
    ("What is the opposite of big?", "small|little|tiny"),
    ("What is the opposite of day?", "night"),
    ("What is the opposite of left?", "right"),
    ("What is the opposite of happy?", "sad|unhappy"),
    ("What is the opposite of open?", "closed|close|shut"),
    ("Which animal barks?", "dog|dogs"),
    ("Which animal gives us wool?", "sheep"),
    ("Which animal is known as man's best friend?", "dog|dogs"),
    ("What do bees make?", "honey"),
    ("What do we call a baby cat?", "kitten|kittens"),
    ("What do we call a baby dog?", "puppy|puppies|pup"),
    ("Which season comes after winter?", "spring"),
    ("Which season is the coldest?", "winter"),
    ("Which day comes after Monday?", "Tuesday"),
    ("Which month comes after January?", "February"),
    ("Which is the first month of the year?", "January"),
    ("Which is the largest ocean on Earth?", "Pacific"),
    ("Which is the largest planet of our solar system?", "Jupiter"),
    ("What is the largest animal on Earth?", "whale|whales"),
    ("What is the tallest mountain on Earth?", "Everest"),
    ("Who wrote Romeo and Juliet?", "Shakespeare"),
    ("Who painted the Mona Lisa?", "Leonardo|Vinci"),
    ("Who was the first president of the United States?", "Washington"),
    ("In which country is the Eiffel Tower?", "France"),
    ("In which city is Big Ben?", "London"),
    ("In which country do kangaroos live in the wild?", "Australia"),
    ("Which language is spoken in Brazil?", "Portuguese"),
    ("Which gas do we need to breathe?", "oxygen"),
    ("Which organ pumps blood through the body?", "heart"),
    ("With which part of the body do we hear?", "ear|ears"),
    ("With which part of the body do we see?", "eye|eyes"),
    ("What do we call water that falls from clouds?", "rain"),
    ("At what temperature in degrees Celsius does water boil?", "100|hundred"),
    ("What goes round the Earth and shines at night?", "Moon"),
    ("From which tree do acorns come?", "oak|oaks"),
)


class Subject:
    """What there is to ask about one subject: a question, its short answer, a whole answer, three facts."""

    def __init__(
        self, name: str, question: str, key: str, answer: str, whole: str, facts: tuple[str, ...]
    ) -> None:
        self.name, self.question, self.key = name, question, key
        self.answer, self.whole, self.facts = answer, whole, facts


def subjects() -> list[Subject]:
    made = []
    for name, capital, continent in _fields(COUNTRIES):
        facts = (f"{name} is a country.", f"Its capital is {capital}.", f"It lies in {continent}.")
        whole = f"The capital of {name} is {capital}."
        made.append(Subject(name, f"What is the capital of {name}?", "capital", capital, whole, facts))
    for name, food, home in _fields(ANIMALS):
        article = "An" if name[0] in "aeiou" else "A"
        whole = f"{article} {name} eats {food}."
        facts = (f"{article} {name} is an animal.", f"It eats {food}.", f"Its home is the {home}.")
        made.append(
            Subject(f"the {name}", f"What does {article.lower()} {name} eat?", "food", food, whole, facts)
        )
    for name, product, place in _fields(WORKERS):
        article = "An" if name[0] in "aeiou" else "A"
        whole = f"{article} {name} works in the {place}."
        facts = (f"{article} {name} is a worker.", f"The work is {product}.", f"The place is the {place}.")
        made.append(
            Subject(f"the {name}", f"Where does {article.lower()} {name} work?", "place", place, whole, facts)
        )
    return made


def _fields(text: str) -> list[tuple[str, str, str]]:
    rows = [entry.replace("_", " ").split(":") for entry in text.split()]
    return [(a, b, c) for a, b, c in rows]


def demands(subject: Subject, ending: str, way: int) -> list[tuple[str, dict[str, Json], str]]:
    """(instruction, check, reference answer) for each of the five demands; `way` picks the wording."""
    ask = subject.question
    loud = ("Answer in capital letters only.", "Write your whole answer in uppercase.")[way]
    brief = ("Answer in at most three words.", "Use no more than three words.")[way]
    shape = (
        f'Answer as a JSON object with the keys "subject" and "{subject.key}".',
        f'Reply with JSON only, with the fields "subject" and "{subject.key}".',
    )[way]
    end = (f'End your answer with the words "{ending}"', f'Your last words must be "{ending}"')[way]
    points = (
        f"Describe {subject.name} in exactly three bullet points.",
        f"Write three bullet points about {subject.name} and nothing else.",
    )[way]
    return [
        (f"{ask} {loud}", {"kind": "uppercase"}, subject.whole.upper()),
        (
            f"{ask} {shape}",
            {"kind": "json"},
            json.dumps({"subject": subject.name, subject.key: subject.answer}),
        ),
        (f"{ask} {brief}", {"kind": "max_words", "n": 3}, subject.answer),
        (f"{ask} {end}", {"kind": "ends_with", "text": ending}, f"{subject.whole} {ending}"),
        (points, {"kind": "bullets", "n": 3}, "\n".join(f"- {fact}" for fact in subject.facts)),
    ]


def rows(seed: int = 7) -> list[dict[str, Json]]:
    """All rows: train 335, heldout 112, plain 60: of 12 a fall by two, or by five, could be chance."""
    draw = random.Random(seed)
    shuffled = subjects()
    draw.shuffle(shuffled)
    made: dict[str, list[dict[str, Json]]] = {"heldout": [], "train": []}
    for n, subject in enumerate(shuffled):
        split = "heldout" if n < 23 else "train"
        for text, check, reference in demands(subject, draw.choice(ENDINGS), draw.randrange(2)):
            assert passes(check, reference), (text, reference)
            made[split].append(_row(f"{split}-{len(made[split]):03d}", text, check, reference, split))
    plain = [
        _row(f"plain-{n:03d}", text, {"kind": "contains", "text": answer}, answer.split("|")[0], "plain")
        for n, (text, answer) in enumerate(PLAIN)
    ]
    return [*made["train"], *made["heldout"][:112], *plain]


def _row(name: str, text: str, check: dict[str, Json], reference: str, split: str) -> dict[str, Json]:
    return {
        "id": f"verifiable-{name}",
        "turns": [text],
        "category": "verifiable" if split != "plain" else "plain",
        "language": "English",
        "check": check,
        "reference": [reference],
        "split": split,
        "made_by": "WizardArena",
        "licence": "Apache-2.0",
    }


if __name__ == "__main__":
    written = rows()
    TARGET.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in written), "utf-8")
    print(f"{len(written)} rows in {TARGET}")
