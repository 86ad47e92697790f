"""Whether a circuit's constraints alone refuse what they should, whatever its witness program asserts.

``changes``     one signal of a valid witness takes another value, every one of the field at once
``jacobian``    all signals move together, a little: the linearised constraints must hold each of them
``determined``  a proof by rules that the inputs leave every other signal one value, and what it rests on
``domains``     the values that the constraints leave a signal, and whether they leave any
``equations``   the rows of an R1CS, and their parts under what is known
``examination`` the first three together

The first two are necessary conditions at one witness; the third is sufficient, for every witness, but does not decide
everything; the last answers whether a range is enforced at all.
"""
