"""A program as a site file names it, which needs no package: Morse pairs of Al with a smooth end."""
# ruff: noqa: PTH104, PTH123 - it starts fast

import json
import math
import os
import sys
import time

DEPTH, RANGE, NEAREST, END = 0.27, 1.16, 3.25, 5.5  # eV, 1/Å, Å, Å


def pair(r, depth):
    """Energy and its derivative: Morse times a factor that ends with two derivatives at zero."""
    bend = math.exp(-RANGE * (r - NEAREST))
    morse, slope = depth * (bend * bend - 2.0 * bend), -2.0 * RANGE * depth * (bend * bend - bend)
    left = 1.0 - (r / END) ** 2
    return morse * left**3, slope * left**3 - morse * 6.0 * left**2 * r / END**2


def read(path):
    with open(path) as stream:
        count, head, *rows = stream.read().splitlines()
    cell = [float(word) for word in head.split('"')[1].split()]
    words = [row.split() for row in rows[: int(count)]]
    return [cell[:3], cell[3:6], cell[6:]], [word[0] for word in words], [[float(x) for x in word[1:4]] for word in words]


def cross(a, b):
    return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]


def dot(a, b):
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def images(cell, positions):
    """Lattice vectors that may bring two atoms together."""
    normals = [cross(cell[(i + 1) % 3], cell[(i + 2) % 3]) for i in range(3)]
    volume = dot(cell[0], normals[0])
    fractions = [[dot(p, normals[i]) / volume for p in positions] for i in range(3)]
    counts = [
        math.ceil(END * math.sqrt(dot(normals[i], normals[i])) / abs(volume) + max(fractions[i]) - min(fractions[i]))
        for i in range(3)
    ]
    steps = [range(-count, count + 1) for count in counts]
    vectors = [
        [i * cell[0][x] + j * cell[1][x] + k * cell[2][x] for x in range(3)]
        for i in steps[0]
        for j in steps[1]
        for k in steps[2]
    ]
    return volume, vectors


def compute(cell, positions, depth):
    volume, vectors = images(cell, positions)
    count = len(positions)
    energies = [0.0] * count
    forces = [[0.0] * 3 for _ in range(count)]
    virial = [[0.0] * 3 for _ in range(3)]
    for i, here in enumerate(positions):
        for there in positions:
            between = [there[0] - here[0], there[1] - here[1], there[2] - here[2]]
            for vector in vectors:
                x, y, z = between[0] + vector[0], between[1] + vector[1], between[2] + vector[2]
                square = x * x + y * y + z * z
                if not 1e-12 < square < END * END:
                    continue
                r = math.sqrt(square)
                energy, slope = pair(r, depth)
                energies[i] += energy / 2.0
                for a, component in enumerate((x, y, z)):
                    forces[i][a] += slope * component / r
                    for b, other in enumerate((x, y, z)):
                        virial[a][b] += slope * component * other / r / 2.0
    return energies, forces, [[value / volume for value in row] for row in virial]


def main():
    with open("request.json") as stream:
        keywords = json.load(stream)["keywords"]
    if "exit" in keywords:
        print("it ends as requested")
        sys.exit(keywords["exit"])
    time.sleep(keywords.get("sleep", 0.0))
    cell, symbols, positions = read("structure.extxyz")
    energies, forces, stress = compute(cell, positions, keywords.get("depth", DEPTH))
    result = {"energy": math.fsum(energies), "forces": forces, "stress": stress, "energies": energies}
    result["units"] = {"energy": "eV", "forces": "eV/Angstrom", "stress": "eV/Angstrom^3"}
    result["details"] = {"atoms": len(symbols)}
    for key in keywords.get("without", ()):
        del result[key]
    with open("result.part", "w") as stream:
        json.dump(result, stream)
    os.rename("result.part", "result.json")


if __name__ == "__main__":
    if sys.argv[1:] == ["--version"]:
        print("pairs 1.0")
    else:
        main()
