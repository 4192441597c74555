//! One leg of a call as a dialog with its offers, answers, requests in sequence.
