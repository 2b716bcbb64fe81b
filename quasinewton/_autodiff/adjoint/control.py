"""Control flow backwards: the number of trips of loops, and the predecessor taken at joins."""

import operator

from numba.core import ir

from quasinewton._autodiff.adjoint import runtime
from quasinewton._autodiff.adjoint.basics import is_expression


class Control:
    """The control flow of the forward sweep as the backward sweep recovers it; part of `Backward`.

    A loop over a range that is left only at its head has a known number of trips; other loops count
    theirs. At a join of the two sides of one branch, the condition of the branch is evaluated
    again; at other joins the forward sweep stores a tag, the index of the predecessor.
    """

    def find_control(self):
        """Decide which loops are counted and at which joins tags are stored."""
        program = self.program
        self.tag_places, self.tagged, self.conditions = {}, {}, {}
        self.ranges = {head: self.range_of(head) for head in program.loops}
        for s in program.live:
            preds = [p for p in program.pred[s] if p in program.live]
            for group in self.ways_in(s, preds):
                if len(group) < 2:
                    continue
                condition = self.condition(s, group) if s not in program.loops else None
                if condition is None:
                    self.tagged.setdefault(s, []).extend(group)
                else:
                    self.conditions[s] = condition
        for s, preds in self.tagged.items():
            self.tag_places[self.tag(s)] = [(p, s) for p in preds]
        for head in program.loops:
            if head in program.live and not self.is_counted(head):
                outer = [p for p in program.pred[head] if p not in program.loops[head].body]
                self.tag_places[self.trips(head)] = [(p, head) for p in outer]

    def save_control(self):
        """Save tags and counts that an outer loop overwrites."""
        for name, places in self.tag_places.items():
            if any(map(self.around_place, places)):
                self.save(name)

    def ways_in(self, s, preds):
        """Return the predecessors of a block in groups: for the head of a loop, inside and outside.
        """
        if s not in self.program.loops:
            return [preds]
        inside = self.program.loops[s].body
        return [[p for p in preds if p in inside], [p for p in preds if p not in inside]]

    def tag(self, s):
        """Return the name of the tag variable of a join."""
        return f"$from{s}"

    def trips(self, head):
        """Return the name of the trip counter of a loop."""
        return f"$trips{head}"

    def range_of(self, head):
        """Return (start, stop, step, name of the index) of a loop over a range, otherwise None."""
        body = self.program.body[self.program.decider(head)]
        for s in body:
            if not is_expression(getattr(s, "value", None), "iternext"):
                continue
            made = self.program.origin(s.value.value)
            made = self.program.origin(made.value) if is_expression(made, "getiter") else None
            firsts = [t for t in body if is_expression(getattr(t, "value", None), "pair_first")]
            if not is_expression(made, "call") or self.program.function(made.func)[0] is not range or made.kws:
                return None
            if len(firsts) != 1:
                return None
            start, stop, step = {1: (0, 1, 0), 2: (1, 2, 0), 3: (1, 2, 3)}[len(made.args)]
            given = [None, *made.args]
            return given[start], given[stop], given[step], firsts[0].target.name
        return None

    def is_counted(self, head):
        """Return True if the number of trips is known without counting."""
        inside = self.program.loops[head].body
        exits = {p for p in inside for s in self.program.succ[p] if s not in inside and s in self.program.live}
        known = self.ranges[head] is not None and exits <= {self.program.decider(head)}
        return known and head not in self.program.iterated

    def number_of_trips(self, head):
        """Emit the number of trips of a loop over a range."""
        start, stop, step, _ = self.ranges[head]
        first = 0 if start is None else self.operand(start)
        return self.emit.call(runtime.trips, first, self.operand(stop), 1 if step is None else self.operand(step))

    def condition(self, s, preds):
        """Return (condition, predecessor if true, predecessor if false) of a join, or None.

        None means that the join is not one of the two sides of a single branch.
        """
        program = self.program
        if len(preds) != 2:
            return None
        fork = max(program.dominators[s] - {s}, key=lambda d: len(program.dominators[d]))
        end = program.ends[fork]
        if not isinstance(end, ir.Branch) or program.around[fork] != program.around[s] or end.truebr == end.falsebr:
            return None
        sides = []
        for p in preds:
            for way in (end.truebr, end.falsebr):
                direct = p == fork and way == s
                through = way != s and way in program.dominators[p] and program.pred[way] == [fork]
                if direct or through:
                    sides.append((p, way == end.truebr))
        if len(sides) != 2 or {p for p, _ in sides} != set(preds) or {yes for _, yes in sides} != {True, False}:
            return None
        return end.cond, next(p for p, yes in sides if yes), next(p for p, yes in sides if not yes)

    def ask_condition(self, label):
        """Return the condition that decided how a block was reached, or None if it has a tag.

        It must be called before the adjoint block ends.
        """
        if label not in self.conditions:
            return None
        return self.value(self.conditions[label][0].name)

    def go_back(self, label, condition):
        """End the adjoint block of a block with jumps to the adjoints of its predecessors."""
        emit, program = self.emit, self.program
        preds = [p for p in program.pred[label] if p in program.live]
        if label == program.entry:
            emit.jump(self.done)
        elif label in program.loops:
            inner, outer = self.ways_in(label, preds)
            count = emit.named(self.trips(label))
            again, left = emit.label(), emit.label()
            emit.branch(emit.binop(operator.gt, count, 0), again, left)
            emit.start(again)
            emit.set(self.trips(label), emit.binop(operator.sub, count, 1))
            self.choose_way(label, inner)
            emit.start(left)
            self.choose_way(label, outer)
        elif condition is not None:
            _, yes, no = self.conditions[label]
            emit.branch(condition, self.way(yes, label), self.way(no, label))
        else:
            self.choose_way(label, preds)

    def way(self, p, label):
        """Return the adjoint block of the edge from p to a block, or of p itself if there is none.
        """
        return self.back.get((p, label), self.back.get(p))

    def choose_way(self, label, options):
        """Emit the jump to the predecessor that the tag names."""
        emit = self.emit
        for p in options[:-1]:
            following = emit.label()
            equal = emit.binop(operator.eq, emit.named(self.tag(label)), self.tagged[label].index(p))
            emit.branch(equal, self.way(p, label), following)
            emit.start(following)
        emit.jump(self.way(options[-1], label))
