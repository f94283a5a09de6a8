using Granary.Contracts;

namespace Granary.Grains.Coordinator;

/// <summary>The newest events of a run. Mere progress overwrites mere progress, so that it never pushes out what matters.</summary>
internal sealed class EventLog(TimeProvider time)
{
    private const int Capacity = 500;
    private readonly LinkedList<RunEvent> events = new();
    // A later activation of the coordinator has higher ids than any before: what a watcher has seen stays seen.
    private LinkedListNode<RunEvent>? reminder;
    private long lastId = time.GetUtcNow().ToUnixTimeMilliseconds() * 1000;

    /// <param name="message">Empty: mere progress.</param>
    public void Add(string message, RunStatus status)
    {
        if (events.Last is { Value.Message: "" } last && message == "")
        {
            events.Remove(last);
        }
        events.AddLast(new RunEvent(++lastId, time.GetUtcNow(), message, status));
        if (events.Count > Capacity)
        {
            events.RemoveFirst();
        }
    }

    /// <summary>A word on something that lasts: the next one takes its place, if nothing has happened in between.</summary>
    public void Remind(string message, RunStatus status)
    {
        if (reminder is not null && events.Last == reminder)
        {
            events.RemoveLast();
        }
        Add(message, status);
        reminder = events.Last;
    }

    /// <summary>Oldest first. All, if the id is of an activation whose clock was ahead.</summary>
    public List<RunEvent> After(long id, int most) => [.. events.Where(entry => entry.Id > id || id > lastId).Take(most)];
}
