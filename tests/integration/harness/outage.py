"""What a writer says of a database that does not take its batches."""


def not_ready(writer, *words):
    status, why = writer.readiness()
    assert status == 503 and any(word in why for word in words), why
    return why


def retries(writer):
    return writer.metrics()["sluice_writer_batches_failed_total", 'why="retry"']


def check_nothing_rejected(deployment):
    (writer,) = deployment.of("writer")
    assert writer.metrics()["sluice_writer_writes_total", 'result="rejected"'] == 0
    assert deployment.sql("SELECT * FROM sluice.rejections") == []
