"""The demo's world: thirteen businesses and their investors, brought to every state by the real services.

`world` makes the businesses and funds, `people` the staff and investors, `story` plays what happened day by day.
"""
