"""What the pages share: the live chart, the state of a visit, controls and words. The only part that knows Streamlit."""
