"""Writes the small NumPy files that the tests of src/ops/data read. Run: python make.py (numpy)."""
import numpy as np

grid = np.arange(24).reshape(2, 3, 4)
np.save("c_f4.npy", grid.astype("<f4") / 2)
np.save("fortran_f8.npy", np.asfortranarray(grid.astype("<f8") - 3))
np.save("big_i2.npy", grid.astype(">i2") - 12)
np.save("half.npy", np.array([0.5, -2.0, 65504.0, 1e-7], dtype="<f2"))
np.save("bool.npy", np.array([True, False, True]))
np.save("u8_labels.npy", np.array([2, 0, 1, 2], dtype="u1"))
np.save("i8_labels.npy", np.array([[2], [0], [1]], dtype="<i8"))
np.save("objects.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
np.save("records.npy", np.array([(1, 2.0)], dtype=[("a", "<i4"), ("b", "<f8")]))
np.savez_compressed("packed.npz", x=grid.reshape(6, 4).astype("<f4"), labels=np.array([0, 1, 0, 1, 0, 1]), extra=np.zeros(3))
np.savez("stages.npz", s10=np.eye(3, 2), s2=np.ones((3, 4)), labels=np.array([0, 1, 1]))

# Scores beside the labels of packed.npz, and beside labels in another order.
labels = np.load("packed.npz")["labels"]
np.savez("scores.npz", tr_mem=np.arange(6, dtype="f4") / 8, tr_labels=labels)
np.savez("scores_rolled.npz", tr_mem=np.arange(6, dtype="f4") / 8, tr_labels=np.roll(labels, 1))
