"""Keras' side of ``training.py``: an LSTM with L1 regularisers that trains one epoch for every line on its stdin.

It runs in an interpreter of its own, because TensorFlow need not be installed beside the lab.
"""

import sys

import numpy as np
import tensorflow as tf


def main(clips: str, hidden: str, words: str, batch: str, lr: str, lam: str, threads: str) -> None:
    tf.config.threading.set_intra_op_parallelism_threads(int(threads))
    tf.config.threading.set_inter_op_parallelism_threads(int(threads))
    data = np.load(clips)
    network = tf.keras.Sequential(
        [
            tf.keras.Input(data["x"].shape[1:]),  # (T, M)
            tf.keras.layers.LSTM(
                int(hidden),
                return_sequences=True,
                kernel_regularizer=tf.keras.regularizers.L1(float(lam)),
                recurrent_regularizer=tf.keras.regularizers.L1(float(lam)),
            ),
            tf.keras.layers.GlobalAveragePooling1D(),
            tf.keras.layers.Dense(int(words), kernel_regularizer=tf.keras.regularizers.L1(float(lam))),
        ]
    )
    network.compile(
        tf.keras.optimizers.Adam(float(lr)),
        tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    x, labels = data["x"], data["labels"]
    validation = (data["validation_x"], data["validation_labels"])
    for _line in sys.stdin:
        history = network.fit(
            x, labels, batch_size=int(batch), epochs=1, validation_data=validation, validation_batch_size=512, verbose=0
        )
        print(history.history["val_accuracy"][-1], flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
