using System.Collections.Frozen;
using System.Reflection;
using Granary.Training.Wording;

namespace Granary.Training.Tasks;

/// <summary>No task has the name asked for. The message lists those there are.</summary>
/// <param name="known">In the order in which they are to be listed.</param>
public sealed class UnknownTaskException(string name, IEnumerable<string> known)
    : Exception($"No training task is named '{Shown.Value(name)}'. Known: {string.Join(", ", known)}.");

/// <summary>The tasks of some assemblies, by name: every public class that is an <see cref="ITrainingTask"/>, and every class that carries a <see cref="TaskFactoryAttribute"/>.</summary>
public sealed class TaskCatalog
{
    private readonly FrozenDictionary<string, ITrainingTask> tasks;

    /// <exception cref="ArgumentException">Two tasks have one name.</exception>
    public TaskCatalog(IEnumerable<ITrainingTask> tasks)
    {
        var all = tasks.ToList();
        this.tasks = all.GroupBy(task => task.Name).FirstOrDefault(named => named.Count() > 1) is { } twice
            ? throw new ArgumentException($"{string.Join(" and ", twice)} are both named '{twice.Key}'. Give one of them another name.")
            : all.ToFrozenDictionary(task => task.Name);
    }

    /// <summary>All of them, by name.</summary>
    public IEnumerable<ITrainingTask> Tasks => tasks.Values.OrderBy(task => task.Name, StringComparer.Ordinal);

    /// <exception cref="UnknownTaskException"/>
    public ITrainingTask this[string name] => tasks.TryGetValue(name, out var task) ? task : throw new UnknownTaskException(name, Tasks.Select(known => known.Name));

    /// <summary>The tasks that are found in the assemblies.</summary>
    public static TaskCatalog Of(params Assembly[] assemblies) => new(
        from assembly in assemblies
        from type in assembly.GetTypes()
        where type is { IsClass: true, IsAbstract: false }
        let task = TaskOf(type)
        where task is not null
        select task);

    private static ITrainingTask? TaskOf(Type type) => type.GetCustomAttribute<TaskFactoryAttribute>(inherit: false) is { } factory
        ? factory.Create(type)
        : type.IsVisible && type.IsAssignableTo(typeof(ITrainingTask)) && type.GetConstructor([]) is not null ? (ITrainingTask)Activator.CreateInstance(type)! : null;
}
