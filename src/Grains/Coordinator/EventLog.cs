using Granary.Contracts;

namespace Granary.Grains.Coordinator;

/// <summary>The newest events of a run. Mere progress overwrites mere progress, so that it never pushes out what matters.</summary>
/// <param name="journal">Keeps, beside the run's outputs, what has happened and is no mere progress.</param>
internal sealed class EventLog(TimeProvider time, JournalWriter journal)
{
    private const int Capacity = 500;
    private readonly LinkedList<RunEvent> events = new();
    // A later activation of the coordinator has higher ids than any before: what a watcher has seen stays seen.
    private LinkedListNode<RunEvent>? reminder;
    private long lastId = time.GetUtcNow().ToUnixTimeMilliseconds() * 1000;

    public void Add(string message, RunStatus status, EventKind kind = EventKind.Remark) => journal.Add(Enter(message, status, kind));

    /// <summary>How far the run is.</summary>
    public void Progress(RunStatus status)
    {
        if (events.Last is { Value.Kind: EventKind.Progress } last)
        {
            events.Remove(last);
        }
        Enter("", status, EventKind.Progress);
    }

    /// <summary>What is known of a run that has ended, for those who ask an activation that has just been made.</summary>
    public void Recall(RunStatus status) => Enter(status.Reason, status, EventKind.Progress);

    /// <summary>A word on something that lasts: the next one takes its place, if nothing has happened in between.</summary>
    public void Remind(string message, RunStatus status)
    {
        if (reminder is not null && events.Last == reminder)
        {
            events.RemoveLast();
            Enter(message, status, EventKind.Remark);
        }
        else
        {
            Add(message, status);
        }
        reminder = events.Last;
    }

    /// <summary>Oldest first. All, if the id is of an activation whose clock was ahead.</summary>
    public List<RunEvent> After(long id, int most) => [.. events.Where(entry => entry.Id > id || id > lastId).Take(most)];

    private RunEvent Enter(string message, RunStatus status, EventKind kind)
    {
        var entry = new RunEvent(++lastId, time.GetUtcNow(), message, status) { Kind = kind };
        events.AddLast(entry);
        if (events.Count > Capacity)
        {
            events.RemoveFirst();
        }
        return entry;
    }
}
